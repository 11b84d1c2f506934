//! Recorded answers of these services in place of generated ones.

use bytes::Bytes;

use crate::state::State;

/// The recorded pages of a source, in order; nothing where the simulator doesn't replay it.
pub(super) async fn pages(state: &State, source: &str) -> Option<Vec<Bytes>> {
    let folder = state.options.replay.as_ref()?.join(source);
    let mut pages = Vec::new();
    for number in 1.. {
        let Ok(page) = tokio::fs::read(folder.join(format!("page-{number}.json"))).await else {
            break;
        };
        pages.push(page.into());
    }
    (!pages.is_empty()).then_some(pages)
}
