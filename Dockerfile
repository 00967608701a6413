# The command amkd, for a user without rights. docs/operations.md tells how it is built and run.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS wheel
WORKDIR /source
COPY setup.cfg pyproject.toml requirements.txt README.md LICENSE ./
COPY amkd amkd
COPY configs configs
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
# Extras of setup.cfg, with commas: onnx, pretrained, aws, remote, cuda12, ...
ARG EXTRAS=""
# As the first process of a container, Python would neither end on a second SIGTERM nor collect
# what the processes of a teacher leave behind; tini does, and passes the exit status on.
RUN apt-get update && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/*
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt \
        "$(echo /tmp/wheels/amkd-*.whl)${EXTRAS:+[$EXTRAS]}" \
    && rm -r /tmp/wheels /tmp/constraints.txt
RUN useradd --uid 10001 --user-group --create-home amkd \
    && install --directory --owner=amkd --group=amkd /runs /cache
# Published weights are kept on the volume: the home folder may be read only.
ENV HF_HOME=/cache/huggingface
USER 10001:10001
WORKDIR /runs
VOLUME ["/runs", "/cache"]
ENTRYPOINT ["tini", "--", "amkd"]
CMD ["--help"]
