# The Greeter in Rust. The context is the root of the repository:
#   docker build -f examples/greeter/docker/greeter-rust.Dockerfile -t greeter-rust .

FROM rust:1.95-bookworm AS build
WORKDIR /app
COPY examples/greeter/proto proto
COPY examples/greeter/rust rust
RUN cargo build --release --locked --manifest-path rust/Cargo.toml

FROM debian:bookworm-slim
COPY --from=build /app/rust/target/release/greeter /usr/local/bin/greeter
ENV HOST=0.0.0.0
USER nobody
EXPOSE 50051
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s CMD ["greeter", "--check"]
CMD ["greeter"]
