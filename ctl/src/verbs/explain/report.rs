//! What `explain` reports: the shape of its JSON, and what its text is drawn from.
//!
//! Every field is always there; what does not apply is `null` or empty. Values of a request are
//! texts: control characters are escaped, bytes that are not UTF-8 stand as `\xff`, and tokens and
//! cookie headers as `(hidden)`.

use serde::Serialize;

/// The decision for one request, and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What was asked for.
    pub request: Asked,
    /// What claims the host: `reviews`, `*.example.com` or `*`.
    pub host: Option<String>,
    /// The release that it belongs to. Where there is none, nothing is decided.
    pub release: Option<String>,
    /// How the release chooses.
    pub strategy: Option<StrategyReport>,
    /// The session, where the decision or a mirror asked for its number.
    pub session: Option<SessionReport>,
    /// The random number, 0 or more and under 1, where it decided in the place of a session's.
    pub chance: Option<f64>,
    /// The header that the request gets; `:authority` where the release routes by it.
    pub set: Option<SetReport>,
    /// Headers of the request that are taken from it: routing headers, which no client may send.
    pub removed: Vec<HeaderReport>,
    /// The headers that the response gets.
    pub response: Vec<HeaderReport>,
    /// The mirrors of the release.
    pub mirrors: Vec<MirrorReport>,
    /// What was decided.
    pub decision: Option<DecisionReport>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// `:authority`.
    pub host: String,
    /// The method.
    pub method: String,
    /// With the query.
    pub path: String,
    /// What the random number was made of.
    pub seed: u64,
}

/// How a release chooses.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum StrategyReport {
    /// Blue-green.
    #[serde(rename_all = "camelCase")]
    BlueGreen {
        /// The version that gets all that the preview does not.
        active: String,
        /// Who reaches another.
        preview: Option<RuleReport>,
    },
    /// Canary.
    #[serde(rename_all = "camelCase")]
    Canary {
        /// The version that takes all traffic. No rule is looked at then.
        take_over: Option<String>,
        /// In order.
        rules: Vec<RuleReport>,
        /// What no rule claimed. Absent where a rule did, and where there is no split.
        split: Option<SplitReport>,
        /// The version for what is left.
        principal: String,
    },
}

/// A rule, or a preview.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleReport {
    /// Its name; `preview`.
    pub name: String,
    /// Whether it matched; absent: something before it decided.
    pub matched: Option<bool>,
    /// Its matches, up to the first that holds. None where it was not looked at.
    pub matches: Vec<MatchReport>,
    /// Where it sends what it matches; absent: by a split.
    pub version: Option<String>,
    /// The race, where it matched and splits.
    pub split: Option<SplitReport>,
}

/// A match.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchReport {
    /// Whether all conditions hold.
    pub matched: bool,
    /// All of them.
    pub conditions: Vec<ConditionReport>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionReport {
    /// As a configuration writes it: `headers.end-user exact: jason`.
    pub condition: String,
    /// Whether it holds; absent: a percentage that was not drawn, for another condition failed.
    pub holds: Option<bool>,
    /// What the request has there: all values of a repeated header. Empty: nothing.
    pub values: Vec<String>,
    /// Of a percentage, what was drawn: 0 or more and under 100. It holds where that is less.
    pub drawn: Option<f64>,
}

/// A race between versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SplitReport {
    /// Those with a weight above 0.
    pub versions: Vec<ArmReport>,
}

/// A version in a race.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmReport {
    /// Its name.
    pub version: String,
    /// As configured.
    pub weight: f64,
    /// Its part of the sum of all weights, 0 to 1.
    pub share: f64,
    /// Its time; the least wins.
    pub time: f64,
    /// Whether it won.
    pub won: bool,
}

/// The session of the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionReport {
    /// Where a key is looked for, in order: `header x-user-id`.
    pub looked_for: Vec<String>,
    /// Where it was found; absent: nowhere.
    pub key: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// The id that the response brings.
    pub issued: Option<String>,
    /// The session's number as a fraction, 0 to 1. Absent: chance decided.
    pub number: Option<f64>,
}

/// The header that the decision counts by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetReport {
    /// In lower case.
    pub name: String,
    /// The one value that it has from now on.
    pub value: String,
    /// What the client sent under that name. Empty for `:authority`, which every request has.
    pub replaced: Vec<String>,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderReport {
    /// In lower case.
    pub name: String,
    /// One value.
    pub value: String,
}

/// A mirror, and whether it gets a copy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorReport {
    /// Its name.
    pub name: String,
    /// The cluster that gets its copies.
    pub cluster: String,
    /// Whether it selects the request.
    pub selected: bool,
    /// Whether the request has a method that is mirrored.
    pub method: ConditionReport,
    /// Its matches, up to the first that holds. None: every request, or the method is another.
    pub matches: Vec<MatchReport>,
    /// The percentage, where it is less than all.
    pub percentage: Option<ConditionReport>,
    /// What hinders a copy though the request is selected, or any selection, as a sentence.
    pub hindered: Option<String>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionReport {
    /// The release.
    pub release: String,
    /// The version.
    pub version: String,
    /// Why: `rule:testers`.
    pub reason: String,
}
