# The product in one image: web server, worker, beat, management commands and the simulator differ by their command only.

FROM python:3.13-slim AS packages
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile -r /tmp/requirements.txt \
    && /venv/bin/pip uninstall --yes pip \
    && python -m compileall -q /venv/lib

FROM python:3.13-slim
RUN groupadd --gid 10001 onpoint \
    && useradd --uid 10001 --gid onpoint --no-create-home --home-dir /tmp --shell /usr/sbin/nologin onpoint \
    && install --directory --owner=onpoint --group=onpoint /data \
    && install --directory --owner=onpoint --group=onpoint --mode=0700 /kyc
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=onpoint_pay.settings \
    ONPOINT_HOME=/data \
    EXPORTS_ROOT=/data/exports \
    CHECKPOINTS_ROOT=/data/checkpoints \
    KYC_ROOT=/kyc \
    STATIC_ROOT=/app/staticfiles
# Nothing below writes outside /tmp, /data and /kyc, so the root file system may be read-only.
RUN python manage.py collectstatic --no-input --verbosity 0 && python -m compileall -q /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "deploy/healthcheck.py", "8000", "/api/v1/health/live/"]
CMD ["gunicorn", "onpoint_pay.wsgi", "-c", "onpoint_pay/gunicorn_conf.py", "--bind", "0.0.0.0:8000"]
