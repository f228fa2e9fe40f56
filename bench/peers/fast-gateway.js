// fast-gateway as its readme shows it; its proxy keeps connections alive by default.
import gateway from 'fast-gateway'

const [port, answers, sink] = process.argv.slice(2)
const route = (prefix, target) => ({ prefix, prefixRewrite: prefix, target: `http://127.0.0.1:${target}` })

const server = gateway({ routes: [route('/api/calendar', answers), route('/api/diaries', sink)] })
await server.start(Number(port), '127.0.0.1')
process.on('disconnect', () => process.exit())
