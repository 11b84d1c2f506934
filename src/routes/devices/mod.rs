//! Devices: the list, their profiles, one device's card.

mod card;
mod list;

pub(super) use card::{KEPT, fact, not_known, or_dash, table};
pub(super) use list::PAGED;

use super::{Page, Route, shape};
use crate::lookup::{Card, Entry};
use futures::FutureExt;

/// The routes of this folder.
pub const ROUTES: &[Route] = &[
    Route {
        query: list::FILTERS,
        ..Route::list(
            "devices",
            "The devices as kept, with their profiles: filtered, by pages",
            shape::<Page<Entry>>,
            |call| list::devices(call).boxed(),
        )
    },
    Route {
        query: &PAGED,
        ..Route::list(
            "devices/profiles",
            "Devices by operating system, and by system and version: counts and worst levels",
            shape::<list::ProfilesPage>,
            |call| list::profiles(call).boxed(),
        )
    },
    Route {
        query: &[KEPT],
        ..Route::get(
            "devices/{id}",
            "One device's card, by its id at Defender or in Entra ID, its name or an address: level with \
             reasons, vulnerabilities, updates, settings, users, possible actions, links",
            shape::<Card>,
            |call| card::card(call).boxed(),
        )
    },
];
