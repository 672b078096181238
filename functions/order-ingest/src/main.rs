//! The order-ingest function.

fn main() -> std::process::ExitCode {
    runtime::run(order_ingest::NAME, order_ingest::build)
}
