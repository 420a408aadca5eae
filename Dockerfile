# unbraid for CPUs: docker build -t unbraid .; docker run --rm -v "$PWD:/work" unbraid train beta_vae ellipses
FROM python:3.13-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
# PyTorch for CPUs first, so that pip does not take that for CUDA, which is 20 times as large; what it needs comes after, since
# its index does not have every version of other packages
RUN python -m venv /opt/unbraid \
    && /opt/unbraid/bin/pip install --no-cache-dir --constraint constraints.txt --no-deps --index-url "$TORCH_INDEX" torch \
    && /opt/unbraid/bin/pip install --no-cache-dir --constraint constraints.txt ".[export]"

FROM python:3.13-slim
COPY --from=build /opt/unbraid /opt/unbraid
RUN useradd --create-home unbraid && mkdir /work && chown unbraid /work
USER unbraid
ENV PATH=/opt/unbraid/bin:$PATH
WORKDIR /work
ENTRYPOINT ["unbraid"]
CMD ["--help"]
