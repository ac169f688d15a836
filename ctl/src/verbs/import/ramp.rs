//! Ramps, from the steps of controllers.

use serde_json::{Value, json};

use super::document::set;
use super::mirrors::number;

/// The time from which the points of a held ramp count. It has no effect while the ramp is held.
const UNSTARTED: &str = "1970-01-01T00:00:00Z";

/// When a ramp starts.
#[derive(Clone, Debug, Default)]
pub struct Start(pub Option<String>);

impl Start {
    /// When it starts, for the report.
    pub fn said(&self) -> String {
        match &self.0 {
            Some(time) => format!("from {time}"),
            None => "held at 0 % until halftonectl resume, because there is no --start".into(),
        }
    }
}

/// A ramp in steps.
#[derive(Clone, Debug)]
pub struct Ramp {
    version: String,
    points: Vec<(u64, f64)>,
    hold: Option<f64>,
}

impl Ramp {
    /// A ramp without points.
    pub fn new(version: String) -> Self {
        Self {
            version,
            points: Vec::new(),
            hold: None,
        }
    }

    /// Adds a point, `after` seconds from the start. Percentages do not fall.
    pub fn point(&mut self, after: u64, percentage: f64) {
        let least = self.points.last().map_or(0.0, |(_, known)| *known);
        let percentage = percentage.clamp(least, 100.0);
        if self.points.last().is_none_or(|_| percentage > least) {
            self.points.push((after, percentage));
        }
    }

    /// The last percentage.
    pub fn last(&self) -> f64 {
        self.points
            .last()
            .map_or(0.0, |(_, percentage)| *percentage)
    }

    /// Holds the ramp.
    pub fn hold(&mut self, percentage: f64) {
        self.hold = Some(percentage);
    }

    /// The field `ramp`.
    pub fn written(&self, start: &Start) -> Value {
        let points = self.points.iter();
        let points: Vec<Value> = points
            .map(|(after, percentage)| {
                json!({"after": format!("{after}s"), "percentage": number(*percentage)})
            })
            .collect();
        let unstarted = start.0.is_none().then_some(0.0);
        let mut ramp = json!({
            "version": self.version,
            "start": start.0.as_deref().unwrap_or(UNSTARTED),
            "points": points,
            "shape": "steps",
        });
        if let Some(percentage) = self.hold.or(unstarted) {
            set(&mut ramp, "hold", number(percentage));
        }
        ramp
    }
}
