//! What Sentinel gets of us (`content/`): bound, run over rows as a workspace has them, and held against
//! the layouts that it takes.

mod queries;
mod workbook;
mod workspace;
mod written;
