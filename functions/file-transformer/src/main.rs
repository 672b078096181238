//! The file-transformer function.

fn main() -> std::process::ExitCode {
    runtime::run(file_transformer::NAME, file_transformer::build)
}
