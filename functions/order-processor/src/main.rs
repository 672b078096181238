//! The order-processor function.

fn main() -> std::process::ExitCode {
    runtime::run(order_processor::NAME, order_processor::build)
}
