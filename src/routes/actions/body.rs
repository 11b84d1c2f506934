//! The bodies of response actions.

use crate::settings::Action;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What every action is asked for with.
#[derive(Debug)]
pub(super) struct Common {
    pub reason: String,
    pub dry_run: bool,
    pub idempotency_key: Option<String>,
    pub requested_by: Option<String>,
}

/// What a body asks for.
pub(super) trait Body: DeserializeOwned {
    const ACTION: Action;

    /// The variant, to whom it is assigned, and the rest.
    fn parts(self) -> (Option<&'static str>, Option<String>, Common);
}

/// A body whose fields are those of every action, and these.
macro_rules! body {
    ($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$field_about])* #[serde(default)] $field: $type,)*
            /// Why: one line of 900 characters at most, which Microsoft gets as the comment.
            #[serde(default, alias = "comment")]
            #[schemars(required, length(min = 1, max = 900))]
            reason: String,
            /// Whether it is only asked whether the action is possible. Default false.
            #[serde(default)]
            dry_run: bool,
            /// What makes two calls the same, 1 to 200 characters, where the header `Idempotency-Key` can't
            /// be sent.
            #[serde(default)]
            idempotency_key: Option<String>,
            /// For whom, such as an analyst's name; it is written down and not checked.
            #[serde(default)]
            requested_by: Option<String>,
        }

        impl $name {
            fn common(self) -> Common {
                let $name { reason, dry_run, idempotency_key, requested_by, .. } = self;
                Common { reason, dry_run, idempotency_key, requested_by }
            }
        }
    };
}

body! {
    /// What isolates a device.
    Isolation {
        /// `Full`, the default, or `Selective`: Outlook, Teams and Skype still work.
        isolation_type: IsolationType,
    }
}
body! {
    /// What releases a device.
    Release {}
}
body! {
    /// What scans a device.
    Scan {
        /// `Quick`, the default, or `Full`.
        scan_type: ScanType,
    }
}
body! {
    /// What changes a control.
    Control {
        /// Its new state; without it the state stays.
        state: Option<State>,
        /// To whom it is assigned, as people read it.
        assigned_to: Option<String>,
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
enum IsolationType {
    #[default]
    Full,
    Selective,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
enum ScanType {
    #[default]
    Quick,
    Full,
}

/// A control's state, as Microsoft Graph spells it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
enum State {
    Default,
    Ignored,
    ThirdParty,
    Reviewed,
}

impl Body for Isolation {
    const ACTION: Action = Action::Isolate;

    fn parts(self) -> (Option<&'static str>, Option<String>, Common) {
        let variant = match self.isolation_type {
            IsolationType::Full => "Full",
            IsolationType::Selective => "Selective",
        };
        (Some(variant), None, self.common())
    }
}

impl Body for Release {
    const ACTION: Action = Action::Release;

    fn parts(self) -> (Option<&'static str>, Option<String>, Common) {
        (None, None, self.common())
    }
}

impl Body for Scan {
    const ACTION: Action = Action::Scan;

    fn parts(self) -> (Option<&'static str>, Option<String>, Common) {
        let variant = match self.scan_type {
            ScanType::Quick => "Quick",
            ScanType::Full => "Full",
        };
        (Some(variant), None, self.common())
    }
}

impl Body for Control {
    const ACTION: Action = Action::ControlProfile;

    fn parts(mut self) -> (Option<&'static str>, Option<String>, Common) {
        let variant = self.state.map(|state| match state {
            State::Default => "Default",
            State::Ignored => "Ignored",
            State::ThirdParty => "ThirdParty",
            State::Reviewed => "Reviewed",
        });
        (variant, self.assigned_to.take(), self.common())
    }
}
