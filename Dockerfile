# One image for all services and jobs; what comes after `causerie` says which.
#
#   docker build -t causerie/causerie:0.1.0 .
#   docker build -t causerie/causerie-loadtest:0.1.0 --target loadtest .
#   docker run --rm causerie/causerie:0.1.0 --version
#
# `make image-proof` builds both and holds them against what is promised. Nothing here needs more than a builder of 2022
# knows, so there is no line that would fetch another frontend.

# The release of Python that the tests run on, by its whole name; a mirror or a digest of yours goes here.
ARG BASE=docker.io/library/python:3.11-slim-trixie

# What is needed to build and is not in the result: a compiler, pip, the sources.
FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
RUN python -m venv --without-pip /opt/causerie && python -m venv /build
# Before the sources, so that a change of ours does not fetch everything again. What is left out again: tests, and the
# Kubernetes client's asynchronous twin, a quarter of all and imported by nobody.
COPY requirements.txt requirements-build.txt ./
RUN pip --python /opt/causerie/bin/python install --require-hashes --no-deps --only-binary :all: -r requirements.txt \
    && rm -rf /opt/causerie/lib/python*/site-packages/kubernetes/aio \
    && find /opt/causerie -depth -type d -name tests -exec rm -rf {} + \
    && /build/bin/pip install --require-hashes --no-deps -r requirements-build.txt
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY causerie causerie
COPY services services
COPY loadtest loadtest
COPY migrations migrations
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && pip --python /opt/causerie/bin/python install --no-deps --no-index /wheel/*.whl \
    # A wheel without the gateway's loops in C would work too, slower, and nobody would notice.
    && /opt/causerie/bin/python -c 'import services.gateway.native.loops'

FROM build AS build-loadtest
COPY requirements-load.txt ./
RUN pip --python /opt/causerie/bin/python install --require-hashes --no-deps --only-binary :all: -r requirements-load.txt \
    && find /opt/causerie -depth -type d -name tests -exec rm -rf {} +

# What both images begin with: Debian's slim Python without its installers (of which only older releases have the last
# two), and a user that is nobody on any node. That Python comes without bytecode, and on a read-only disk every command
# would compile what it imports; what nothing imports is left as it is. No program may become another user.
FROM ${BASE} AS base
RUN python -m pip uninstall --yes --root-user-action=ignore pip setuptools wheel \
    && rm -rf /usr/local/lib/python*/ensurepip \
    && python -m compileall -q -x '/(idlelib|lib2to3|site-packages|tkinter|turtledemo)/' /usr/local/lib/python3* \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && groupadd --gid 10001 causerie \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin causerie
ENV PATH=/opt/causerie/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /tmp
USER 10001:10001

FROM base AS loadtest
COPY --from=build-loadtest /opt/causerie /opt/causerie
ENTRYPOINT ["python", "-m", "loadtest"]
CMD ["--help"]
LABEL org.opencontainers.image.title="Causerie's load test" \
      org.opencontainers.image.description="Locust scenarios for Causerie, self-hosted realtime messaging"

# The last stage is what `docker build` makes.
FROM base AS causerie
COPY --from=build /opt/causerie /opt/causerie
EXPOSE 8080 8081 9080 9081 9082
# Of whichever service runs here. Kubernetes has probes of its own and does not look at this.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["causerie", "check", "ready"]
ENTRYPOINT ["causerie"]
CMD ["--help"]
LABEL org.opencontainers.image.title="Causerie" \
      org.opencontainers.image.description="Self-hosted realtime messaging"
