# vmgen with git and kustomize, for pipelines and for the sidecar of Argo CD. Build: docker build --tag vmgen .
FROM python:3.13-slim AS build
WORKDIR /source
COPY requirements.lock pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY generator generator
COPY templates templates
COPY schema schema
RUN python -I -m venv /opt/vmgen \
    && /opt/vmgen/bin/python -I -m pip install --no-cache-dir --quiet --require-hashes --requirement requirements.lock \
    && /opt/vmgen/bin/python -I -m pip install --no-cache-dir --quiet --no-deps --no-build-isolation .

FROM python:3.13-slim
# git has no fixed version: a security fix of Debian has to get in.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 999 --create-home vmgen
COPY --from=build /opt/vmgen /opt/vmgen
ENV PATH=/opt/vmgen/bin:$PATH
USER 999
WORKDIR /work
ENTRYPOINT ["vmgen"]
CMD ["--help"]
