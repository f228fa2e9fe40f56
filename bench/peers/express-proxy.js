// Express with http-proxy-middleware as its readme shows it, and with a keep-alive agent, which is not its default.
import express from 'express'
import { Agent } from 'node:http'
import { createProxyMiddleware } from 'http-proxy-middleware'

const [port, answers, sink = answers] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const proxy = (pathFilter, target) =>
  createProxyMiddleware({ target: `http://127.0.0.1:${target}`, pathFilter, changeOrigin: true, agent })

const app = express()
app.use(proxy('/api/calendar', answers))
app.use(proxy('/api/diaries', sink))
app.listen(Number(port), '127.0.0.1')
process.on('disconnect', () => process.exit())
