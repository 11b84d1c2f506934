//! The tree of a definition's actions: what stands in which scope, and what has run before what.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The actions of one scope.
pub type Actions = Map<String, Value>;

/// Where an action stands.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Itself.
    pub action: &'a Value,
    /// The actions of its scope, itself included.
    pub siblings: &'a Actions,
    /// The action that it is in.
    pub container: Option<&'a str>,
}

/// Every action of a definition by its name.
pub struct Tree<'a> {
    /// The places; of two actions of one name one only.
    pub places: BTreeMap<&'a str, Place<'a>>,
    /// Names that stand there more than once.
    pub repeated: Vec<&'a str>,
}

/// The scopes directly in an action.
pub fn scopes(action: &Value) -> Vec<&Actions> {
    let mut found: Vec<_> = action["actions"].as_object().into_iter().collect();
    found.extend(action["else"]["actions"].as_object());
    let cases = action["cases"].as_object().into_iter().flat_map(Map::values);
    found.extend(cases.filter_map(|case| case["actions"].as_object()));
    found.extend(action["default"]["actions"].as_object());
    found
}

/// The names of the actions that one waits for.
pub fn waits_for(action: &Value) -> impl Iterator<Item = &str> {
    action["runAfter"].as_object().into_iter().flat_map(|after| after.keys().map(String::as_str))
}

impl<'a> Tree<'a> {
    pub fn of(definition: &'a Value) -> Tree<'a> {
        let mut tree = Tree { places: BTreeMap::new(), repeated: Vec::new() };
        if let Some(actions) = definition["actions"].as_object() {
            tree.add(actions, None);
        }
        tree
    }

    fn add(&mut self, siblings: &'a Actions, container: Option<&'a str>) {
        for (name, action) in siblings {
            if self.places.insert(name, Place { action, siblings, container }).is_some() {
                self.repeated.push(name);
            }
            scopes(action).into_iter().for_each(|scope| self.add(scope, Some(name)));
        }
    }

    /// The actions around one, the nearest first.
    pub fn around(&self, name: &str) -> Vec<&'a str> {
        let mut found = Vec::new();
        let mut next = self.places.get(name).and_then(|place| place.container);
        while let Some(container) = next {
            found.push(container);
            next = self.places[container].container;
        }
        found
    }

    /// Everything in an action, at any depth.
    pub fn inside(&self, name: &str) -> BTreeSet<&'a str> {
        self.places.keys().copied().filter(|one| self.around(one).contains(&name)).collect()
    }

    /// What has run when this one does: those that it and the actions around it wait for, and what is in
    /// them. Of a loop over items nobody outside can tell which round is meant.
    pub fn before(&self, name: &str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let around = self.around(name);
        for own in std::iter::once(name).chain(around) {
            for one in self.in_scope(own) {
                found.insert(one);
                let is_loop = |inner: &&&str| {
                    let between = self.around(inner);
                    let loops = between.iter().chain([&one]);
                    !loops.clone().any(|outer| {
                        (*outer == one || self.inside(one).contains(*outer))
                            && self.places[*outer].action["type"] == "Foreach"
                    })
                };
                let inner = self.inside(one);
                found.extend(inner.iter().filter(is_loop));
            }
        }
        found
    }

    /// Those of its own scope that it waits for, at any distance.
    fn in_scope(&self, name: &str) -> BTreeSet<&'a str> {
        let siblings = self.places[name].siblings;
        let mut found = BTreeSet::new();
        let mut open = vec![name];
        while let Some(one) = open.pop() {
            let Some(action) = siblings.get(one) else { continue };
            for earlier in waits_for(action) {
                if let Some((key, _)) = siblings.get_key_value(earlier)
                    && found.insert(key.as_str())
                {
                    open.push(key);
                }
            }
        }
        found
    }
}
