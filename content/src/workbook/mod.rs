//! The workbook: its tabs and tiles as they stand in `content/workbook/`, and what is written from them.

mod asked;
mod needs;
mod page;
mod part;
mod shape;
mod visual;
mod words;

pub use asked::{PARAMETERS, parameters, with};
pub use needs::{Needs, needs};
pub use page::section;
pub use part::{
    Chart, Colour, Column, Export, Format, Frame, Item, Size, Tab, TileLayout, TimeRange, Unit,
    Visual,
};
pub use shape::shape;
pub use words::icon;

use crate::{Query, Written, parts};

/// The workbook as its parts give it.
#[derive(Clone, Debug)]
pub struct Workbook {
    /// What stands above the tabs.
    pub frame: Frame,
    /// The tabs from left to right: the name by which a tab is chosen, and the tab.
    pub tabs: Vec<(String, Tab)>,
}

impl Workbook {
    /// Every item with its tab's name, in the order in which the workbook has them.
    pub fn items(&self) -> impl Iterator<Item = (&str, &Item)> {
        self.tabs.iter().flat_map(|(name, tab)| tab.items.iter().map(|item| (name.as_str(), item)))
    }
}

/// The workbook out of its parts.
///
/// # Errors
///
/// The file, the field and what is wrong with it.
pub fn read() -> Result<Workbook, String> {
    let mut frames = parts::of::<Frame>("workbook")?;
    let (_, frame) = frames.pop().ok_or("content/workbook/workbook.yaml is missing")?;
    // The number in front of a file's name is its place alone.
    let name =
        |stem: &str| stem.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned();
    let tabs = parts::of::<Tab>("workbook/tabs")?;
    Ok(Workbook { frame, tabs: tabs.into_iter().map(|(stem, tab)| (name(&stem), tab)).collect() })
}

/// Every query of the workbook, with the values that it opens with in the place of parameters.
///
/// # Errors
///
/// The part that is wrong, and how.
pub fn queries() -> Result<Vec<Query>, String> {
    let workbook = read()?;
    let query = |name: String, text: &str| Ok(Query { name, text: with(text, &[])? });
    let tenants = query("workbook/Tenant".to_owned(), &workbook.frame.tenants);
    let tiles = workbook
        .items()
        .map(|(tab, item)| query(format!("workbook/{tab}/{}", item.name), &item.query));
    std::iter::once(tenants).chain(tiles).collect()
}

/// The workbook as the portal takes it.
///
/// # Errors
///
/// The part that is wrong, and how.
pub fn written() -> Result<Vec<Written>, String> {
    // On one line: a template takes 131,072 characters of text.
    let text = shape(&read()?)?.to_string();
    Ok(vec![("content/generated/workbook.json".to_owned(), format!("{text}\n"))])
}
