# One image for every process of Pointsman: `docker run IMAGE gateway`, `... worker`, and so on.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
WORKDIR /app
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
COPY requirements-install.lock requirements.lock ./
RUN python3 -m venv /opt/install \
    && /opt/install/bin/pip install --require-hashes -r requirements-install.lock \
    && python3 -m venv /opt/pointsman \
    && /opt/install/bin/uv pip install --python /opt/pointsman/bin/python --no-config --require-hashes -r requirements.lock
COPY pyproject.toml LICENSE README.md ./
COPY agents agents
COPY router router
COPY services services
COPY dashboard dashboard
COPY examples examples
RUN /opt/install/bin/uv pip install --python /opt/pointsman/bin/python --no-config --no-deps --editable . \
    && /opt/pointsman/bin/python -m compileall -q agents router services dashboard

FROM ${BASE}
# libgomp1 is what the embedded model needs of the system. Debian keeps one version of it per release: there is none to pin.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 pointsman \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin pointsman \
    && groupadd --gid 10002 sandbox \
    && useradd --uid 10002 --gid 10002 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin sandbox \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data /data/models \
    && install --directory --owner=10002 --group=10002 --mode=0710 /run/pointsman
COPY --from=build /opt/pointsman /opt/pointsman
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/pointsman/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    POINTSMAN_HOME=/data
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["pointsman"]
CMD ["--help"]
