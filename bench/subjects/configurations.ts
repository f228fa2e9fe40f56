import path from 'node:path'
import type { Origin } from './lab.ts'

interface Place {
  port: number
  origin: Origin
  folder: string
}

/** One worker, keep-alive to the origin, access log on, uploads streamed rather than spooled. */
export const nginxConfig = ({ port, origin, folder }: Place) => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${path.join(folder, 'nginx.pid')};
error_log ${path.join(folder, 'error.log')};
events { worker_connections 4096; }
http {
  access_log ${path.join(folder, 'access.log')};
  client_max_body_size 0;
  keepalive_requests 100000000;
  upstream answers { server 127.0.0.1:${origin.answers}; keepalive 64; keepalive_requests 100000000; }
  upstream sink { server 127.0.0.1:${origin.sink}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_request_buffering off;
    location /api/calendar/ { proxy_pass http://answers; }
    location /api/diaries/ { proxy_pass http://sink; }
  }
}
`

/** One thread; its access log goes to standard output, which is a file. */
export const haproxyConfig = ({ port, origin }: Place) => `
global
  nbthread 1
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:${port}
  use_backend sink if { path_beg /api/diaries/ }
  default_backend answers
backend answers
  server origin 127.0.0.1:${origin.answers}
backend sink
  server origin 127.0.0.1:${origin.sink}
`

/** One thread runs Go code (GOMAXPROCS=1); access log on. */
export const caddyfile = ({ port, origin, folder }: Place) => `
{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  log {
    output file ${path.join(folder, 'access.log')}
  }
  reverse_proxy /api/diaries/* 127.0.0.1:${origin.sink}
  reverse_proxy /api/calendar/* 127.0.0.1:${origin.answers} {
    transport http {
      keepalive_idle_conns_per_host 64
    }
  }
}
`
