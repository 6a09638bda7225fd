# The model's image, built by compose from the same static binary.
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY services /srv/services
COPY www/model /srv/www/model
