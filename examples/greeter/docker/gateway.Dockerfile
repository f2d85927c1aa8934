# The gateway, with the configuration of this example. The context is the root of the repository:
#   docker build -f examples/greeter/docker/gateway.Dockerfile -t sekisho .

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npm ci --no-audit --no-fund \
 && npx tsc -b packages/cli \
 # The same again with what it needs to run, and nothing else.
 && npm ci --omit=dev --workspace sekisho --no-audit --no-fund

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/packages packages
COPY examples/greeter/sekisho.yaml /etc/sekisho/sekisho.yaml
USER node
EXPOSE 8080
# Its metrics are served on loopback only; they answer when it serves.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9091/metrics').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "packages/cli/bin/sekisho.js", "start", "-c", "/etc/sekisho/sekisho.yaml"]
