//! Hunting packs: named queries of `hunting/*.yaml`, each a source with its own table.
//!
//! `build.rs` writes the constants. A pack needs its line in `ALL`; how to add one is in
//! `docs/hunting.md`.

use super::table::{hunted_boolean, hunted_datetime, hunted_dynamic, real, text};
use super::{Api, Column, Fetch, Permission, Reads, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

/// A query of advanced hunting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hunting {
    /// The query, without a last `;`.
    pub query: &'static str,
    /// How far back a scheduled run looks, counted from its beginning.
    pub period: SignedDuration,
}

const HUNTING_READ: Permission =
    Permission::AppRole("ThreatHunting.Read.All", "dd98c7f5-2d42-42d3-a0e4-633161547251");

include!(concat!(env!("OUT_DIR"), "/hunting.rs"));

#[expect(clippy::too_many_arguments, reason = "one for each field of a pack's file")]
const fn pack(
    name: &'static str,
    about: &'static str,
    hunting: Hunting,
    key: &'static [&'static str],
    default: bool,
    every: SignedDuration,
    sends: Sends,
    table: &'static str,
    columns: &'static [Column],
) -> Source {
    Source {
        name,
        about,
        api: Api::Graph,
        fetch: Fetch::Hunting(hunting),
        key,
        reads: Reads::Whole,
        needs: HUNTING_READ,
        default,
        every,
        sends,
        digest: Kind::Records,
        table: Table { name: table, columns, classic: &[] },
    }
}
