//! What Sentinel gets of us (`content/`): bound, run over rows as a workspace has them, and held against
//! the layouts that it takes.

mod playbooks;
mod queries;
mod workspace;
mod written;
