//! What an action changes in a release.

use halftone::config::{
    BlueGreenConfig, CanaryConfig, RampConfig, ReleaseConfig, WeightConfig, time,
};
use halftone::release::{Ramp, Release, Shape, Strategy};
use serde_json::{Number, Value, json};

use super::edit::{Edit, Step, object};
use super::error::ActionError;
use super::{Action, Weight};

/// The changes of a release, with paths that begin at the release.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub edits: Vec<Edit>,
    pub notes: Vec<String>,
}

/// What `action` changes at `now` in `release`, which compiles to `compiled`.
pub(super) fn plan(
    release: &ReleaseConfig,
    compiled: &Release,
    action: &Action,
    now: u64,
) -> Result<Plan, ActionError> {
    let subject = Subject::new(release);
    let mut plan = Plan::default();
    match action {
        Action::SetWeight(weights) => subject.set_weight(weights, &mut plan)?,
        Action::TakeOver(version) => subject.take_over(version, &mut plan)?,
        Action::Restore => subject.restore(&mut plan)?,
        Action::Switch(version) => subject.switch(version, &mut plan)?,
        Action::Promote(version) => subject.promote(version, &mut plan)?,
        Action::Rollback => subject.rollback(&mut plan),
        Action::Pause => subject.pause(compiled, now, &mut plan)?,
        Action::Resume => subject.resume(compiled, now, &mut plan)?,
    }
    Ok(plan)
}

impl Plan {
    fn set(&mut self, path: &[&str], value: impl Into<Value>) {
        self.edits.push(Edit::Set {
            path: steps(path),
            value: value.into(),
        });
    }

    fn remove(&mut self, path: &[&str]) {
        self.edits.push(Edit::Remove { path: steps(path) });
    }

    fn note(&mut self, text: String) {
        self.notes.push(text);
    }
}

fn steps(path: &[&str]) -> Vec<Step> {
    path.iter().copied().map(Step::from).collect()
}

fn unfit<T>(text: String) -> Result<T, ActionError> {
    Err(ActionError::Unfit(text))
}

/// A release, and what the actions ask about it.
struct Subject<'r> {
    release: &'r ReleaseConfig,
    name: &'r str,
    principal: &'r str,
    /// Every version that the release names, the principal first.
    versions: Vec<&'r str>,
}

impl<'r> Subject<'r> {
    fn new(release: &'r ReleaseConfig) -> Self {
        let principal = release.principal.as_deref().unwrap_or_default();
        let mut versions = vec![principal];
        for version in named(release) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        Self {
            release,
            name: release.name.as_deref().unwrap_or_default(),
            principal,
            versions,
        }
    }

    fn canary(&self) -> Option<&'r CanaryConfig> {
        self.release.canary.as_ref()
    }

    fn split(&self) -> &'r [WeightConfig] {
        let split = self.canary().and_then(|canary| canary.split.as_deref());
        split.unwrap_or_default()
    }

    fn ramp(&self) -> Option<&'r RampConfig> {
        self.canary()?.ramp.as_ref()
    }

    /// The versions of the split.
    fn in_split(&self) -> impl Iterator<Item = &'r str> {
        let split = self.split().iter();
        split.filter_map(|one| one.version.as_deref())
    }

    fn takes_over(&self) -> Option<&'r str> {
        self.canary()?.take_over.as_deref()
    }

    fn is_blue_green(&self) -> bool {
        self.release.blue_green.is_some()
    }

    /// The release is not blue-green.
    fn is_no_blue_green(&self) -> Result<(), ActionError> {
        if self.is_blue_green() {
            return unfit(format!(
                "release {} is blue-green; use switch, rollback or promote",
                self.name
            ));
        }
        Ok(())
    }

    /// The release names `version`.
    fn knows(&self, version: &str) -> Result<(), ActionError> {
        if self.versions.contains(&version) {
            return Ok(());
        }
        unfit(format!(
            "release {} has no version {version}; its versions are {}",
            self.name,
            self.versions.join(", ")
        ))
    }

    /// The release names `version`, or has no other version than its principal yet.
    fn knows_or_meets(&self, version: &str) -> Result<(), ActionError> {
        match self.versions.as_slice() {
            [_] => Ok(()),
            _ => self.knows(version),
        }
    }

    fn set_canary(&self, field: &str, value: Value, plan: &mut Plan) {
        match self.canary() {
            Some(_) => plan.set(&["canary", field], value),
            None => plan.set(&["canary"], object(field, value)),
        }
    }

    fn set_weight(&self, weights: &[Weight], plan: &mut Plan) -> Result<(), ActionError> {
        self.is_no_blue_green()?;
        for (place, Weight { version, .. }) in weights.iter().enumerate() {
            self.knows_or_meets(version)?;
            if self
                .ramp()
                .is_some_and(|ramp| ramp.version.as_ref() == Some(version))
            {
                return unfit(format!(
                    "canary.ramp decides how much {version} gets; use pause, or change the points of the ramp"
                ));
            }
            let mut earlier = weights.iter().take(place);
            if earlier.any(|one| one.version == *version) {
                return unfit(format!("{version} has two weights; give one"));
            }
        }
        let mut all: Vec<&str> = self.in_split().collect();
        for Weight { version, .. } in weights {
            if !all.contains(&version.as_str()) {
                all.push(version);
            }
        }
        if self.split().is_empty() && !all.contains(&self.principal) {
            all.push(self.principal);
        }
        if all.len() < 2 {
            return unfit(format!(
                "release {} has no other version than {}; give the weight of the other version",
                self.name, self.principal
            ));
        }
        let given = |version: &str| weights.iter().find(|one| one.version == version);
        let mut others = all.iter().filter(|version| given(version).is_none());
        let rest = match (others.next(), others.next()) {
            (Some(other), None) => Some((*other, rest(weights, other)?)),
            _ => None,
        };
        let weight_of = |version: &str| match (given(version), rest) {
            (Some(one), _) => Some(one.weight),
            (None, Some((other, rest))) if other == version => Some(rest),
            _ => None,
        };
        let mut fresh = Vec::new();
        for version in all {
            let Some(weight) = weight_of(version) else {
                continue;
            };
            self.weigh(version, weight, &mut fresh, plan)?;
        }
        if !fresh.is_empty() {
            self.set_canary("split", fresh.into(), plan);
        }
        self.note_take_over("the weights have", plan);
        Ok(())
    }

    /// Sets the weight of `version` in the split, or adds it to the items of a `fresh` split if there is none.
    fn weigh(
        &self,
        version: &str,
        weight: f64,
        fresh: &mut Vec<Value>,
        plan: &mut Plan,
    ) -> Result<(), ActionError> {
        let number = number(weight)?;
        let item = json!({ "version": version, "weight": number });
        if self.split().is_empty() {
            fresh.push(item);
            return Ok(());
        }
        let mut split = self.split().iter().enumerate();
        let found = split.find(|(_, one)| one.version.as_deref() == Some(version));
        let mut path = steps(&["canary", "split"]);
        match found {
            Some((_, one)) if one.weight == Some(weight) => {}
            Some((index, _)) => {
                path.extend([index.into(), "weight".into()]);
                plan.edits.push(Edit::Set {
                    path,
                    value: number,
                });
            }
            None => plan.edits.push(Edit::Push { path, value: item }),
        }
        Ok(())
    }

    fn take_over(&self, version: &str, plan: &mut Plan) -> Result<(), ActionError> {
        self.is_no_blue_green()?;
        self.knows(version)?;
        self.set_canary("takeOver", version.into(), plan);
        Ok(())
    }

    fn restore(&self, plan: &mut Plan) -> Result<(), ActionError> {
        self.is_no_blue_green()?;
        match self.takes_over() {
            Some(_) => plan.remove(&["canary", "takeOver"]),
            None => plan.note("No version takes over.".into()),
        }
        Ok(())
    }

    fn switch(&self, version: &str, plan: &mut Plan) -> Result<(), ActionError> {
        if !self.is_blue_green() {
            return unfit(format!(
                "release {} is not blue-green; use set-weight, take-over or promote",
                self.name
            ));
        }
        self.knows_or_meets(version)?;
        plan.set(&["blueGreen", "active"], version);
        Ok(())
    }

    fn promote(&self, version: &str, plan: &mut Plan) -> Result<(), ActionError> {
        self.knows(version)?;
        plan.set(&["principal"], version);
        if self.is_blue_green() {
            plan.set(&["blueGreen", "active"], version);
        }
        if self.takes_over().is_some() {
            plan.remove(&["canary", "takeOver"]);
        }
        if self.ramp().is_some() {
            plan.remove(&["canary", "ramp"]);
        }
        let mut split: Vec<&str> = self.in_split().collect();
        if !split.is_empty() && !split.contains(&version) {
            split.push(version);
        }
        for other in split {
            let weight = if other == version { 100.0 } else { 0.0 };
            self.weigh(other, weight, &mut Vec::new(), plan)?;
        }
        self.note_what_is_left(version, plan);
        Ok(())
    }

    /// Says which parts of the release still name another version than the promoted one.
    fn note_what_is_left(&self, promoted: &str, plan: &mut Plan) {
        for rule in self
            .canary()
            .and_then(|one| one.rules.as_ref())
            .into_iter()
            .flatten()
        {
            let name = rule.name.as_deref().unwrap_or_default();
            let weights = rule.split.iter().flatten();
            let versions = weights.filter_map(|one| one.version.as_deref());
            let mut others: Vec<&str> = rule
                .version
                .as_deref()
                .into_iter()
                .chain(versions)
                .collect();
            others.retain(|version| *version != promoted);
            plan.note(if others.is_empty() {
                format!(
                    "Rule {name} gives {promoted}, as all other requests get now: delete the rule."
                )
            } else {
                format!(
                    "Rule {name} still sends requests to {}: delete the rule, unless they need it.",
                    others.join(", ")
                )
            });
        }
        let others: Vec<&str> = self
            .versions
            .iter()
            .copied()
            .filter(|version| *version != promoted)
            .collect();
        if let Some((last, rest)) = others.split_last() {
            let (all, them, their) = match rest {
                [] => ((*last).to_owned(), "it", "its"),
                _ => (format!("{} and {last}", rest.join(", ")), "them", "their"),
            };
            plan.note(format!(
                "When nothing needs {all} any more, delete {them} from the release, with {their} routes, subsets and workloads."
            ));
        }
    }

    fn rollback(&self, plan: &mut Plan) {
        if let Some(BlueGreenConfig { active, .. }) = &self.release.blue_green {
            if active.as_deref() == Some(self.principal) {
                plan.note(format!(
                    "{} is active and is the principal, so there is nothing to roll back.",
                    self.principal
                ));
            } else {
                plan.set(&["blueGreen", "active"], self.principal);
            }
        } else if let Some(ramp) = self.ramp() {
            if ramp.hold != Some(0.0) {
                plan.set(&["canary", "ramp", "hold"], 0);
            }
            if self
                .takes_over()
                .is_some_and(|version| version != self.principal)
            {
                plan.set(&["canary", "takeOver"], self.principal);
            }
        } else if self.canary().is_some() {
            self.set_canary("takeOver", self.principal.into(), plan);
        } else {
            plan.note(format!(
                "Only {} gets requests, so there is nothing to roll back.",
                self.principal
            ));
        }
    }
}

impl Subject<'_> {
    /// The ramp as it runs.
    fn running<'c>(&self, compiled: &'c Release) -> Result<&'c Ramp, ActionError> {
        match &compiled.strategy {
            Strategy::Canary {
                ramp: Some(ramp), ..
            } => Ok(ramp.ramp()),
            _ => unfit(format!(
                "release {} has no ramp; only a ramp pauses and resumes",
                self.name
            )),
        }
    }

    fn pause(&self, compiled: &Release, now: u64, plan: &mut Plan) -> Result<(), ActionError> {
        let ramp = self.running(compiled)?;
        if let Some(held) = ramp.hold() {
            plan.note(format!("The ramp is held at {held} % already."));
            return Ok(());
        }
        // Rounded up, so that no session moves back.
        let percentage = (ramp.percentage(now) * 100.0).ceil() / 100.0;
        plan.set(&["canary", "ramp", "hold"], number(percentage.min(100.0))?);
        self.note_take_over("the ramp has", plan);
        Ok(())
    }

    fn resume(&self, compiled: &Release, now: u64, plan: &mut Plan) -> Result<(), ActionError> {
        let ramp = self.running(compiled)?;
        let Some(held) = ramp.hold() else {
            plan.note("The ramp is not held.".into());
            return Ok(());
        };
        let start = now.saturating_sub(reached(ramp, held));
        // A whole second that is not later, so that no session moves back.
        let start = time::text(start - start % 1_000);
        plan.set(&["canary", "ramp", "start"], start);
        plan.remove(&["canary", "ramp", "hold"]);
        self.note_take_over("the ramp has", plan);
        Ok(())
    }

    fn note_take_over(&self, what: &str, plan: &mut Plan) {
        if let Some(version) = self.takes_over() {
            plan.note(format!(
                "{version} takes over, so {what} no effect until you restore the release."
            ));
        }
    }
}

/// The time after the start of `ramp` at which it reaches `percentage`, in milliseconds. If it jumps over the
/// percentage, the time at which it has the one before. If it ends below the percentage, its end.
fn reached(ramp: &Ramp, percentage: f64) -> u64 {
    let points = ramp.points();
    let next = points.partition_point(|point| point.percentage < percentage);
    let (below, above) = points.split_at_checked(next).unwrap_or_default();
    match (below.last(), above.first(), ramp.shape()) {
        (_, Some(to), _) if to.percentage == percentage => to.after,
        (Some(from), Some(to), Shape::Linear) => {
            let part = (percentage - from.percentage) / (to.percentage - from.percentage);
            from.after + ((to.after - from.after) as f64 * part).ceil() as u64
        }
        (Some(from), ..) => from.after,
        (None, ..) => 0,
    }
}

/// What the given weights leave of 100.
fn rest(weights: &[Weight], other: &str) -> Result<f64, ActionError> {
    let sum: f64 = weights.iter().map(|one| one.weight).sum();
    // Percentages with decimals, such as 99.9, leave a rest that is not exact to the last bit.
    let rest = ((100.0 - sum) * 1e9).round() / 1e9;
    if rest < 0.0 {
        return unfit(format!(
            "the weights leave less than 0 of 100 to {other}; give weights of up to 100 together, or the weight of {other} too"
        ));
    }
    Ok(rest)
}

/// The weight, as a whole number if it is one.
fn number(weight: f64) -> Result<Value, ActionError> {
    let is_whole = weight.fract() == 0.0 && (0.0..1e15).contains(&weight);
    let number = if is_whole {
        Some(Number::from(weight as u64))
    } else {
        Number::from_f64(weight)
    };
    match number {
        Some(number) => Ok(number.into()),
        None => unfit(format!(
            "{weight} is not a weight; give a number, 0 or more"
        )),
    }
}

/// The versions that a release names, in order.
fn named(release: &ReleaseConfig) -> Vec<&str> {
    let canary = release.canary.as_ref();
    let rules = canary.and_then(|canary| canary.rules.as_ref());
    let rules = || rules.into_iter().flatten();
    let splits = canary.and_then(|canary| canary.split.as_ref()).into_iter();
    let splits = splits.chain(rules().filter_map(|rule| rule.split.as_ref()));
    let blue_green = release.blue_green.as_ref();
    let preview = blue_green.and_then(|one| one.preview.as_ref());
    let authority = release
        .route
        .as_ref()
        .and_then(|route| route.authority.as_ref());
    let mut named = vec![
        canary.and_then(|canary| canary.take_over.as_deref()),
        blue_green.and_then(|one| one.active.as_deref()),
        preview.and_then(|one| one.version.as_deref()),
        canary.and_then(|canary| canary.ramp.as_ref()?.version.as_deref()),
    ];
    named.extend(splits.flatten().map(|one| one.version.as_deref()));
    named.extend(rules().map(|rule| rule.version.as_deref()));
    let authority = authority.into_iter().flat_map(|all| all.iter());
    named.extend(authority.map(|(version, _)| Some(version.as_str())));
    named.into_iter().flatten().collect()
}
