//! What one look at a record gives; its memory is used again for the next one.

/// What a field is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    /// Its place in the key.
    pub(super) key: Option<usize>,
    pub(super) decides: Option<Decides>,
    pub(super) stamps: bool,
    pub(super) of_envelope: bool,
    pub(super) declared: bool,
    pub(super) folded: bool,
}

/// How a field decides over sending.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decides {
    Positive,
    Present,
    Fails,
    Applies,
}

/// What one look at a record gave.
#[derive(Debug, Default)]
pub struct Facts {
    pub(super) slots: Vec<Slot>,
    key: Option<String>,
    /// Whether one of its own fields has an envelope's name.
    pub clashes: bool,
    pub(super) wanted: bool,
    pub(super) needless: bool,
    /// The date field that growing sources are read by.
    pub stamp: Option<String>,
    /// Its fields that no column declares.
    pub undeclared: Vec<String>,
    /// Those that a column declares and whose value the workspace would cut.
    pub cut: Vec<String>,
    /// The fields that the digest reads, as the members of a JSON object.
    folds: String,
    /// Fields in the order of the newest record: the next one most likely has the same.
    pub(super) order: Vec<(String, Role)>,
    spare: String,
}

/// A field of the key.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) found: bool,
    pub(super) text: String,
}

impl Facts {
    /// Facts of a record with this key, which is to be sent and says nothing else.
    pub fn of_key(key: String) -> Facts {
        Facts { key: Some(key), wanted: true, ..Facts::default() }
    }

    /// The key's text; absent where a field of it is missing or null.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether the field that decides over sending is for it; false where none decides.
    pub fn is_wanted(&self) -> bool {
        self.wanted && !self.needless
    }

    /// The fields that the digest reads, as a JSON object without its braces.
    pub fn folds(&self) -> &str {
        &self.folds
    }

    pub(super) fn clear(&mut self, keys: usize) {
        self.slots.resize_with(keys, Slot::default);
        self.slots.iter_mut().for_each(|slot| slot.found = false);
        (self.clashes, self.wanted, self.needless, self.stamp) = (false, false, false, None);
        self.undeclared.clear();
        self.cut.clear();
        self.folds.clear();
        if let Some(key) = self.key.take() {
            self.spare = key;
        }
    }

    pub(super) fn join_key(&mut self, ignores_case: bool) {
        if self.slots.iter().any(|slot| !slot.found) {
            return;
        }
        let mut key = std::mem::take(&mut self.spare);
        key.clear();
        for (index, slot) in self.slots.iter().enumerate() {
            if index > 0 {
                key.push('\n');
            }
            key.push_str(&slot.text);
        }
        self.key = Some(if ignores_case { key.to_lowercase() } else { key });
    }

    pub(super) fn fold(&mut self, name: &str, value: &str) {
        if !self.folds.is_empty() {
            self.folds.push(',');
        }
        // A name that equals one of ours in some letter case needs no escapes.
        for piece in ["\"", name, "\":", value] {
            self.folds.push_str(piece);
        }
    }
}
