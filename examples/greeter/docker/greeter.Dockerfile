# The Greeter in TypeScript. The context is the root of the repository:
#   docker build -f examples/greeter/docker/greeter.Dockerfile -t greeter .

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npm ci --no-audit --no-fund \
 && npx tsc -b examples/greeter \
 && npm run build:web --workspace @sekisho/greeter \
 # The same again with what it needs to run, and nothing else.
 && npm ci --omit=dev --workspace @sekisho/greeter --no-audit --no-fund

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/examples/greeter/package.json examples/greeter/
COPY --from=build /app/examples/greeter/proto examples/greeter/proto
COPY --from=build /app/examples/greeter/web examples/greeter/web
COPY --from=build /app/examples/greeter/dist examples/greeter/dist
USER node
# gRPC, metrics, web page
EXPOSE 50051 9464 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["node", "examples/greeter/dist/main.js", "--check"]
# No npm and no shell between: SIGTERM has to arrive.
CMD ["node", "examples/greeter/dist/main.js"]
