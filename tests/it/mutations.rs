//! Valid configurations and requests with random changes. Reading a configuration ends with releases
//! or with a bounded number of violations, and any release decides any request, twice the same.

use std::cell::Cell;
use std::sync::LazyLock;

use halftone::config::{Known, Proxy, Violations};
use halftone::draw::Draw;
use halftone::release::Releases;
use halftone::request::{Header, RequestHead};
use halftone_cases::CaseFile;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::documents::configurations;
use crate::support::case_files::CASE_FILES;

/// The number of violations after which the report ends.
const MOST_VIOLATIONS: usize = 1_000;

static CONFIGURATIONS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    configurations()
        .into_iter()
        .map(|(_, config)| config)
        .collect()
});

/// The names and values of a request's headers, and its source address.
type Request = (Vec<(Vec<u8>, Vec<u8>)>, Option<Vec<u8>>);

/// The first request of each case.
static REQUESTS: LazyLock<Vec<Request>> = LazyLock::new(|| {
    let files = CASE_FILES
        .iter()
        .map(|(_, text)| CaseFile::parse(text).unwrap());
    let cases = files.flat_map(|file| file.cases);
    let requests = cases.filter_map(|case| case.requests().next());
    requests.map(|request| bytes_of(&request)).collect()
});

fn bytes_of(request: &halftone_cases::Request) -> Request {
    let pseudo = [
        (":authority", &request.host),
        (":method", &request.method),
        (":path", &request.path),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.into(), value.as_bytes().to_vec()));
    let headers = request.headers();
    let headers = headers.map(|(name, value)| (name.into_bytes(), value.as_bytes().to_vec()));
    let address = request
        .source_address
        .map(|address| address.to_string().into_bytes());
    (pseudo.into_iter().chain(headers).collect(), address)
}

/// A change of one node of a JSON document.
#[derive(Clone, Debug)]
enum NodeChange {
    Remove,
    /// An item of an array is repeated. A member of an object is repeated under a longer name.
    Repeat,
    Replace(Value),
    /// Replaced by a node of another configuration.
    Donate(Index, Index),
    /// A character is inserted into a string, this number of times.
    Insert(Index, char, usize),
}

fn node_change() -> impl Strategy<Value = NodeChange> {
    let index = || any::<Index>();
    prop_oneof![
        1 => Just(NodeChange::Remove),
        1 => Just(NodeChange::Repeat),
        2 => scalar().prop_map(NodeChange::Replace),
        2 => (index(), index()).prop_map(|(config, node)| NodeChange::Donate(config, node)),
        2 => (index(), any::<char>(), prop_oneof![4 => Just(1), 1 => 1..3000_usize])
            .prop_map(|(place, char, times)| NodeChange::Insert(place, char, times)),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    let fixed = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1e308),
        json!(-1e-308),
        json!(u64::MAX),
        json!(100.00001),
        json!(""),
        json!("v1"),
        json!("*"),
        json!("1h30m"),
        json!("18446744073709551616GiB"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[]]),
    ];
    prop_oneof![
        3 => prop::sample::select(fixed.to_vec()),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => any::<String>().prop_map(Value::String),
    ]
}

/// The pointers of all nodes but the root.
fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        Value::Object(members) => {
            let escaped = |name: &String| name.replace('~', "~0").replace('/', "~1");
            members
                .iter()
                .map(|(name, value)| (escaped(name), value))
                .collect()
        }
        _ => Vec::new(),
    };
    let below = |(step, child): (String, &Value)| {
        let below = pointers(child)
            .into_iter()
            .map(|pointer| format!("/{step}{pointer}"))
            .collect::<Vec<_>>();
        std::iter::once(format!("/{step}")).chain(below)
    };
    children.into_iter().flat_map(below).collect()
}

fn change_node(config: &mut Value, place: &Index, change: &NodeChange) {
    let all = pointers(config);
    if all.is_empty() {
        return;
    }
    let pointer = &all[place.index(all.len())];
    let (parent, step) = pointer.rsplit_once('/').unwrap();
    let step = step.replace("~1", "/").replace("~0", "~");
    match (change, config.pointer_mut(parent).unwrap()) {
        (NodeChange::Remove, Value::Array(items)) => drop(items.remove(step.parse().unwrap())),
        (NodeChange::Remove, Value::Object(members)) => drop(members.remove(&step)),
        (NodeChange::Repeat, Value::Array(items)) => {
            items.push(items[step.parse::<usize>().unwrap()].clone())
        }
        (NodeChange::Repeat, Value::Object(members)) => {
            let again = members[&step].clone();
            members.insert(step + "s", again);
        }
        _ => {
            let node = config.pointer_mut(pointer).unwrap();
            match change {
                NodeChange::Replace(value) => *node = value.clone(),
                NodeChange::Donate(donor, place) => {
                    let donor = &CONFIGURATIONS[donor.index(CONFIGURATIONS.len())];
                    let all = pointers(donor);
                    *node = donor.pointer(&all[place.index(all.len())]).unwrap().clone();
                }
                NodeChange::Insert(place, char, times) => {
                    if let Value::String(string) = node {
                        let mut chars: Vec<char> = string.chars().collect();
                        let at = place.index(chars.len() + 1);
                        chars.splice(at..at, std::iter::repeat_n(*char, *times));
                        *string = chars.into_iter().collect();
                    }
                }
                NodeChange::Remove | NodeChange::Repeat => {}
            }
        }
    }
}

/// A valid configuration with up to four nodes changed.
fn configuration() -> impl Strategy<Value = Value> {
    let changes = prop::collection::vec((any::<Index>(), node_change()), 0..5);
    (any::<Index>(), changes).prop_map(|(chosen, changes)| {
        let mut config = CONFIGURATIONS[chosen.index(CONFIGURATIONS.len())].clone();
        for (place, change) in &changes {
            change_node(&mut config, place, change);
        }
        config
    })
}

/// A change of bytes.
#[derive(Clone, Debug)]
enum ByteChange {
    Set(u8),
    Insert(u8, usize),
    Cut(usize),
    Repeat(usize),
}

fn byte_changes(most: usize) -> impl Strategy<Value = Vec<(Index, ByteChange)>> {
    let change = prop_oneof![
        any::<u8>().prop_map(ByteChange::Set),
        (any::<u8>(), prop_oneof![4 => Just(1), 1 => 1..3000_usize])
            .prop_map(|(byte, times)| ByteChange::Insert(byte, times)),
        (1..20_usize).prop_map(ByteChange::Cut),
        (1..200_usize).prop_map(ByteChange::Repeat),
    ];
    prop::collection::vec((any::<Index>(), change), 0..=most)
}

fn change_bytes(bytes: &mut Vec<u8>, changes: &[(Index, ByteChange)]) {
    for (place, change) in changes {
        let at = place.index(bytes.len() + 1);
        let end = |length: &usize| bytes.len().min(at + length);
        match change {
            ByteChange::Set(byte) => {
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            ByteChange::Insert(byte, times) => {
                drop(bytes.splice(at..at, std::iter::repeat_n(*byte, *times)))
            }
            ByteChange::Cut(length) => drop(bytes.drain(at..end(length))),
            ByteChange::Repeat(length) => {
                let part = bytes[at..end(length)].to_vec();
                drop(bytes.splice(at..at, part));
            }
        }
    }
}

/// A request of the case files. Headers are removed, repeated and changed, and some have the value of
/// another.
fn request() -> impl Strategy<Value = Request> {
    let header = (any::<Index>(), any::<Index>(), 0..4_u8, byte_changes(2));
    let changes = prop::collection::vec(header, 0..4);
    (any::<Index>(), changes, byte_changes(1)).prop_map(|(chosen, changes, of_address)| {
        let (mut headers, mut address) = REQUESTS[chosen.index(REQUESTS.len())].clone();
        for (place, other, kind, of_value) in changes {
            if headers.is_empty() {
                break;
            }
            let (place, other) = (place.index(headers.len()), other.index(headers.len()));
            match kind {
                0 => drop(headers.remove(place)),
                1 => headers.push(headers[place].clone()),
                2 => headers[place].1 = headers[other].1.clone(),
                _ => change_bytes(&mut headers[place].1, &of_value),
            }
        }
        if let Some(address) = &mut address {
            change_bytes(address, &of_address);
        }
        (headers, address)
    })
}

fn is_bounded(violations: &Violations) -> bool {
    let count = violations.iter().len();
    count > 0 && count <= MOST_VIOLATIONS && (count == MOST_VIOLATIONS || !violations.are_cut())
}

/// Decides a request by each release, whether or not the release claims it, and twice.
fn decide(
    releases: &Releases,
    (headers, address): &Request,
    chance: u64,
) -> Result<(), TestCaseError> {
    let headers: Vec<Header<'_>> = headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let mut head = RequestHead::new(&headers);
    if let Some(address) = address {
        head = head.with_source_address(address);
    }
    let claiming = || releases.claiming(&head).map(|release| &release.name);
    prop_assert_eq!(claiming(), claiming());
    for release in releases.all() {
        let decide = || {
            let decision = release.decide(&head, Draw { chance, now: 0 }, &mut ());
            let mirrors: Vec<Box<str>> = decision
                .mirrors(&head)
                .map(|mirror| mirror.name.clone())
                .collect();
            (decision.outcome.clone(), decision.set_cookie(), mirrors)
        };
        let (outcome, cookie, mirrors) = decide();
        prop_assert!(release.outcomes.contains(&outcome));
        prop_assert_eq!((outcome, cookie, mirrors), decide());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_configuration_decides_every_request_or_has_violations(
        config in configuration(), requests in prop::collection::vec(request(), 1..4), chance in any::<u64>(),
    ) {
        match halftone::config::load_value(&config) {
            Ok(releases) => {
                for request in &requests {
                    decide(&releases, request, chance)?;
                }
            }
            Err(violations) => prop_assert!(is_bounded(&violations), "{}", violations),
        }
    }

    #[test]
    fn a_configuration_with_changed_bytes_loads_or_has_violations(
        config in configuration(), changes in byte_changes(4), request in request(), chance in any::<u64>(),
    ) {
        let mut text = serde_json::to_vec(&config).unwrap();
        let mut known = Known::default();
        let _before = known.load(&text, Proxy::default());
        change_bytes(&mut text, &changes);
        let whole = halftone::config::load(&text);
        prop_assert_eq!(format!("{:?}", known.load(&text, Proxy::default())), format!("{whole:?}"));
        match whole {
            Ok(releases) => decide(&releases, &request, chance)?,
            Err(violations) => prop_assert!(is_bounded(&violations), "{}", violations),
        }
    }
}

/// Otherwise the tests above prove little: if all configurations are valid, or all fail at the top.
#[test]
fn changed_configurations_pass_and_fail_at_many_places() {
    let (accepted, deep, shallow) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let config = Config {
        cases: 1_000,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRunner::deterministic().new_rng());
    let count = |config: Value| {
        let counter = match halftone::config::load_value(&config) {
            Ok(releases) if !releases.all().is_empty() => &accepted,
            Err(violations) if violations.to_string().matches(['.', '[']).count() > 3 => &deep,
            _ => &shallow,
        };
        counter.set(counter.get() + 1);
        Ok(())
    };
    runner.run(&configuration(), count).unwrap();
    for (what, counter) in [("accepted", &accepted), ("violations in depth", &deep)] {
        assert!(
            counter.get() > 200,
            "only {} of 1,000: {what}",
            counter.get()
        );
    }
}
