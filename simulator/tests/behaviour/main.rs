//! What the simulator promises, asked over real connections.

mod faults;
mod lists;
mod logs;
mod support;
mod tokens;
