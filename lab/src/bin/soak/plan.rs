//! What happens during the run, and the configurations.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use halftone::config::time;
use halftone_lab::visitors::USER;
use serde_json::{Value, json};

/// The releases. Each has the host of its name.
pub const RAMP: &str = "ramp";
pub const GUARDED: &str = "guarded";
pub const VANISHING: &str = "vanishing";
pub const MIRRORED: &str = "mirrored";
pub const CHANGING: &str = "changing";

/// The mirrors of [`MIRRORED`]: one that is compared, and one that never answers.
pub const COMPARED: &str = "compared";
pub const SILENT: &str = "silent";

/// The number of releases without traffic. They make a configuration large enough that a leaked one shows.
const OTHERS: u64 = 50;

/// The time before the end at which the ramp reaches 100 %. Each of its users asks once more after it.
const AFTER_RAMP: Duration = Duration::from_secs(15);

/// The shortest cycle. An outage of the guarded version and its return take up to half of it.
const SHORTEST_CYCLE: Duration = Duration::from_secs(60);

/// The number of cycles in a long run.
const CYCLES: u32 = 6;

/// The times of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The length of the run.
    pub length: Duration,
    /// The length of a cycle: each has one outage of the guarded version.
    pub cycle: Duration,
    /// The number of cycles.
    pub cycles: u32,
    ramp_start: String,
}

impl Plan {
    /// A run that begins now.
    ///
    /// # Errors
    ///
    /// If the clock is before 1970.
    pub fn new(minutes: u32) -> Result<Self> {
        let length = Duration::from_secs(60) * minutes;
        let cycle = (length / CYCLES).max(SHORTEST_CYCLE);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Self {
            length,
            cycle,
            cycles: (length.as_secs() / cycle.as_secs()) as u32,
            ramp_start: time::text(u64::try_from(now.as_millis())?),
        })
    }

    /// The configuration after `update` updates. `at_least` is a field of the guard, which changes its release.
    #[must_use]
    pub fn configuration(&self, update: u64, at_least: u64) -> Value {
        let session = json!({"key": [{"header": USER}]});
        let canary = |percent: u64| {
            json!({
                "split": [{"version": "v2", "weight": percent}, {"version": "v1", "weight": 100 - percent}],
                "session": session,
            })
        };
        let release = |name: &str| json!({"name": name, "hosts": [name], "principal": "v1"});
        let of = |name: &str, fields: Value| merged(release(name), fields);
        let ramp_length = format!("{}s", (self.length - AFTER_RAMP).as_secs());
        let ramp = json!({
            "version": "v2", "start": self.ramp_start,
            "points": [{"after": "0s", "percentage": 0}, {"after": ramp_length, "percentage": 100}],
        });
        let mut releases = vec![
            of(RAMP, json!({"canary": {"ramp": ramp, "session": session}})),
            of(
                GUARDED,
                json!({"canary": canary(30), "guard": {"atLeast": at_least}}),
            ),
            of(
                VANISHING,
                json!({"canary": canary(50), "fallback": {"probe": {"path": "/healthz"}, "resend": true}}),
            ),
            of(
                MIRRORED,
                json!({"blueGreen": {"active": "v1"}, "mirrors": [
                    {"name": COMPARED, "cluster": COMPARED, "timeout": "30s", "compare": {}},
                    {"name": SILENT, "cluster": SILENT, "timeout": "200ms"},
                ]}),
            ),
            of(CHANGING, json!({"canary": canary(1 + update % 99)})),
        ];
        releases.extend((0..OTHERS).map(|number| {
            let changes = (update + number) / OTHERS;
            let name = format!("other-{number}");
            of(&name, json!({"canary": canary(1 + changes % 99)}))
        }));
        json!({"releases": releases})
    }
}

fn merged(mut object: Value, fields: Value) -> Value {
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
        object.extend(fields);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_configuration_is_valid_and_differs_from_the_one_before() {
        let plan = Plan::new(30).unwrap();
        let texts: Vec<String> = (0..120)
            .map(|update| {
                let config = plan.configuration(update, 3);
                halftone::config::load_value(&config).unwrap();
                config.to_string()
            })
            .collect();
        assert!(texts.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn an_update_leaves_the_guarded_release_as_it_is() {
        let plan = Plan::new(30).unwrap();
        let guarded =
            |update, at_least| plan.configuration(update, at_least)["releases"][1].clone();
        assert_eq!(guarded(0, 3)["name"], GUARDED);
        assert_eq!(guarded(0, 3), guarded(1, 3));
        assert_ne!(guarded(0, 3), guarded(0, 4));
    }
}
