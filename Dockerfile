# One image, one service an app: docker-compose.yml says which. Node strips the types, so nothing is built.
FROM node:24-slim

RUN apt-get update \
  && apt-get install --no-install-recommends --yes tini ca-certificates libcap2-bin \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/posthouse/current
COPY package.json package-lock.json ./
COPY packages packages
COPY apps apps
RUN npm ci --omit=dev \
  && npm cache clean --force \
  && setcap cap_net_bind_service=+ep "$(readlink -f node_modules/.bin/node)" \
  && ln -s /opt/posthouse/current/apps/cli/bin/posthouse /usr/local/bin/posthouse \
  && useradd --system --uid 8025 --user-group --home-dir /var/lib/posthouse posthouse \
  && install -d -o posthouse -g posthouse -m 2770 /var/lib/posthouse /run/posthouse \
       /var/lib/posthouse/mail /var/lib/posthouse/queue /var/lib/posthouse/state /var/lib/posthouse/events \
       /var/lib/posthouse/tmp

USER posthouse
ENV NODE_ENV=production POSTHOUSE_LOG_FORMAT=json
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["posthouse", "up"]
