FROM python:3.13-slim AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/base.txt /tmp/base.txt
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --require-hashes -r /tmp/base.txt

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DEBUG=false \
    PROMETHEUS_MULTIPROC_DIR=/tmp/metrics
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin loyalty
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . .
# Collecting files talks to nobody; the variables only let the settings load.
RUN SECRET_KEY=build ALLOWED_HOSTS=build DATABASE_URL=postgresql:// REDIS_URL=redis:// \
    PROMETHEUS_MULTIPROC_DIR= python manage.py collectstatic --no-input \
    && python -m compileall -q .
USER loyalty
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "--config", "python:loyalty_admin.serving", "loyalty_admin.wsgi"]
