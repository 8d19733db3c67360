# docker build --tag entrepot .
#
# Both stages start from an image that has Node 24; the first needs npm too. Where Docker Hub is out
# of reach, name images that are there already: --build-arg BASE_BUILD=… --build-arg BASE_RUNTIME=…
# npm takes its packages from where BASE_BUILD is set up to take them, or from the registry named
# by --build-arg NPM_CONFIG_REGISTRY=…; a base that holds npm's cache and sets NPM_CONFIG_OFFLINE=true
# builds without any network.
ARG BASE_BUILD=node:24-bookworm-slim
ARG BASE_RUNTIME=node:24-bookworm-slim

FROM ${BASE_BUILD} AS dependencies
ARG NPM_CONFIG_REGISTRY
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# Optional are the native part of koffi, which is wanted, and a Node of our own, which this image has.
RUN npm ci --omit=dev && rm -rf node_modules/node-linux-* node_modules/.bin/node

FROM ${BASE_BUILD} AS build
ARG NPM_CONFIG_REGISTRY
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY src ./src
RUN npm run build && chmod +x dist/main.js
# Made here, so that the base of the last stage needs no shell.
RUN mkdir -p /root-files/data /root-files/etc/entrepot /root-files/bin \
 && ln -s /app/dist/main.js /root-files/bin/entrepot \
 && printf 'storage:\n  path: /data\n' > /root-files/etc/entrepot/mirror.config.yaml

FROM ${BASE_RUNTIME}
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
COPY --from=build /root-files/bin/ /usr/local/bin/
COPY --from=build /root-files/etc/entrepot /etc/entrepot
COPY --from=build --chown=1000:1000 /root-files/data /data
ENV NODE_ENV=production
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s \
  CMD ["node", "/app/dist/main.js", "healthcheck"]
# Where commands look for their configuration, so that `docker exec NAME entrepot ls` needs no more.
WORKDIR /etc/entrepot
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["serve"]
