//! What the simulator promises, asked over real connections.

mod cloud_apps;
mod dated;
mod defender;
mod faults;
mod lists;
mod logs;
mod support;
mod tokens;
