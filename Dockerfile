# The peer in a container. Build: docker build -t wesense-node .
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY stubs stubs
# No install scripts: the bundler and LevelDB bring their binaries, and Node is the image's own.
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
RUN node scripts/build.ts --metafile /tmp/bundle.json \
 && node scripts/licences.ts /tmp/bundle.json dist/licences.txt

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="wesense-node" \
      org.opencontainers.image.description="Bootstrap and relay peer with a replicated node registry" \
      org.opencontainers.image.licenses="Apache-2.0 OR MIT"
# The program is a bundle: no package manager is needed to run it.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx \
           /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn*
WORKDIR /app
COPY LICENSE-APACHE LICENSE-MIT ./
COPY scripts/docker-entrypoint.sh /usr/local/bin/wesense-node-entrypoint
COPY --from=build /app/dist dist
RUN chmod 755 /usr/local/bin/wesense-node-entrypoint \
 && ln -s /app/dist/main.js /usr/local/bin/wesense-node \
 && chmod 755 dist/main.js \
 && mkdir /data && chown 1000:1000 /data
# MALLOC_ARENA_MAX: for a heap that NODE_OPTIONS sets, too; else the program sees to it itself.
ENV NODE_ENV=production \
    DATA_DIR=/data \
    MALLOC_ARENA_MAX=2
VOLUME /data
EXPOSE 4002 4003 4004 4005/udp 3478/udp 5200
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["node", "/app/dist/main.js", "health"]
ENTRYPOINT ["wesense-node-entrypoint"]
CMD ["start"]
