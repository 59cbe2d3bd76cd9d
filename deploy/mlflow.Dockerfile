# MLflow with what it needs for Postgres and S3, as an ordinary user.
FROM python:3.12-slim-bookworm
RUN pip install --no-cache-dir mlflow==3.17.2 psycopg2-binary==2.9.11 boto3==1.44.5 \
 && useradd --create-home mlflow \
 && mkdir /mlflow \
 && chown mlflow:mlflow /mlflow
USER mlflow
WORKDIR /mlflow
VOLUME /mlflow
EXPOSE 5000
ENTRYPOINT ["mlflow", "server"]
