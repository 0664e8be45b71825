# One image for every service; which one runs is the command (`codegrey serve NAME`).
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/tmp

# Wheels only, each with its hash: nothing is built here, so no compiler is needed or left behind.
COPY locks/run.txt /tmp/run.txt
RUN pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes --root-user-action ignore -r /tmp/run.txt \
    && rm /tmp/run.txt

WORKDIR /app
COPY pyproject.toml LICENSE ./
COPY locks/kafka.toml locks/
COPY shared shared
COPY services services
# The file system is read-only later: the bytecode is written now.
RUN printf '#!/bin/sh\nexec python -P -m services.launcher.cli "$@"\n' > /usr/local/bin/codegrey \
    && chmod 755 /usr/local/bin/codegrey \
    && python -m compileall -q services shared

USER 10001:10001
CMD ["codegrey", "--help"]
