//! The program: settings, app, command. See the library for everything else.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    posture::command::main().await
}
