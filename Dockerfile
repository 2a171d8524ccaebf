# CLVAP Studio for a machine of your own:
#
#   docker build -t clvap-studio .
#   docker run -p 7860:7860 -v clvap:/data clvap-studio                        # visitors: see docs/exposure.md
#   docker run -p 7860:7860 -v clvap:/data -v /my/sounds:/sounds:ro clvap-studio --library /sounds --auth me:secret
#
# torch comes with CUDA. For a machine without a GPU, 3 GB less:
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu -t clvap-studio .

FROM python:3.11-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg libportaudio2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 studio \
    && install -d -o studio -g studio /data

WORKDIR /studio
ARG TORCH_INDEX=
COPY requirements.txt .
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir --index-url "$TORCH_INDEX" torch==2.11.0 torchaudio==2.11.0; fi \
    && pip install --no-cache-dir -r requirements.txt

COPY . .
USER 1000
ENV CLVAP_WORKSPACE=/data/clvap-studio \
    HF_HOME=/data/huggingface \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/gradio_api/app_id', timeout=4)"]
ENTRYPOINT ["python", "app.py", "--host", "0.0.0.0", "--port", "7860"]
