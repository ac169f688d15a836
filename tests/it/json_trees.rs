//! Random JSON values, each with random spellings.

use halftone::draw::Random;
use proptest::prelude::*;

/// A JSON value. A number is a whole number and a power of ten.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    Number(i64, i32),
    Text(String),
    Array(Vec<Tree>),
    /// Names are unique.
    Object(Vec<(String, Tree)>),
}

/// A small value. `most` is the bound of the whole numbers in it.
pub fn tree(most: i64) -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        (-most..most, -3..4).prop_map(|(whole, power)| Tree::Number(whole, power)),
        (-9..9_i64, -3..4).prop_map(|(whole, power)| Tree::Number(whole, power)),
        text().prop_map(Tree::Text),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::Array),
            prop::collection::btree_map(text(), inner, 0..6)
                .prop_map(|members| Tree::Object(members.into_iter().collect())),
        ]
    })
}

/// An object with at least one member, and so at least one place.
pub fn object(most: i64) -> impl Strategy<Value = Tree> {
    prop::collection::btree_map(text(), tree(most), 1..6)
        .prop_map(|members| Tree::Object(members.into_iter().collect()))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c*~/0-2]{0,3}",
        "(id|name|a/b|~1|\u{0}|ä|😀|\"|\\\\|\n){0,3}",
        any::<String>(),
    ]
}

impl Tree {
    /// The steps to each node except the root.
    pub fn places(&self) -> Vec<Vec<String>> {
        let mut places = Vec::new();
        self.add_places(&mut Vec::new(), &mut places);
        places
    }

    fn add_places(&self, steps: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
        let children: Vec<(String, &Self)> = match self {
            Self::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (index.to_string(), item))
                .collect(),
            Self::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), value))
                .collect(),
            _ => Vec::new(),
        };
        for (step, child) in children {
            steps.push(step);
            places.push(steps.clone());
            child.add_places(steps, places);
            steps.pop();
        }
    }

    /// The node at a place.
    pub fn at(&mut self, steps: &[String]) -> &mut Self {
        let Some((step, rest)) = steps.split_first() else {
            return self;
        };
        match self {
            Self::Array(items) => items[step.parse::<usize>().unwrap()].at(rest),
            Self::Object(members) => {
                let member = members.iter_mut().find(|(name, _)| name == step);
                member.unwrap().1.at(rest)
            }
            _ => panic!("nothing is in {self:?}"),
        }
    }

    /// Writes the value in a random spelling.
    pub fn write(&self, chance: &mut Random) -> String {
        let mut text = String::new();
        self.write_to(&mut text, chance);
        text
    }

    fn write_to(&self, text: &mut String, chance: &mut Random) {
        space(text, chance);
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(bool) => text.push_str(&bool.to_string()),
            Self::Number(whole, power) => number(text, *whole, *power, chance),
            Self::Text(string) => quoted(text, string, chance),
            Self::Array(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index > 0 { "," } else { "" });
                    item.write_to(text, chance);
                }
                space(text, chance);
                text.push(']');
            }
            Self::Object(members) => braced(text, members, chance),
        }
        space(text, chance);
    }
}

/// A number below `bound`.
fn below(chance: &mut Random, bound: u64) -> usize {
    (chance.next_u64() % bound) as usize
}

fn space(text: &mut String, chance: &mut Random) {
    text.push_str(["", "", "", " ", "\n\t", "\r\n  "][below(chance, 6)]);
}

/// Writes members in any order. A repeated member with another value can precede them; the last one counts.
fn braced(text: &mut String, members: &[(String, Tree)], chance: &mut Random) {
    let mut order: Vec<(&String, Tree)> = members
        .iter()
        .map(|(name, value)| (name, value.clone()))
        .collect();
    for place in (1..order.len()).rev() {
        order.swap(place, below(chance, place as u64 + 1));
    }
    if !order.is_empty() && below(chance, 3) == 0 {
        let shadowed = order[below(chance, order.len() as u64)].0;
        order.insert(0, (shadowed, Tree::Array(vec![Tree::Number(7, 0)])));
    }
    text.push('{');
    for (index, (name, value)) in order.into_iter().enumerate() {
        text.push_str(if index > 0 { "," } else { "" });
        space(text, chance);
        quoted(text, name, chance);
        space(text, chance);
        text.push(':');
        value.write_to(text, chance);
    }
    space(text, chance);
    text.push('}');
}

fn number(text: &mut String, whole: i64, power: i32, chance: &mut Random) {
    if whole == 0 {
        return text.push_str(["0", "-0", "0.00", "0e7", "-0.0E-99"][below(chance, 5)]);
    }
    let zeros = below(chance, 4);
    let digits = format!("{}{}", whole.unsigned_abs(), "0".repeat(zeros));
    let mut power = power - zeros as i32;
    text.push_str(if whole < 0 { "-" } else { "" });
    match below(chance, 3) {
        0 => text.push_str(&digits),
        1 => {
            text.push_str(&format!("0.00{digits}"));
            power += digits.len() as i32 + 2;
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            text.push_str(&format!("{first}.{rest}0"));
            power += rest.len() as i32;
        }
    }
    if power != 0 || below(chance, 2) == 0 {
        text.push_str(["e", "E"][below(chance, 2)]);
        text.push_str(if power < 0 {
            "-"
        } else {
            ["", "+"][below(chance, 2)]
        });
        text.push_str(&format!("{}{}", "0".repeat(below(chance, 3)), power.abs()));
    }
}

fn quoted(text: &mut String, string: &str, chance: &mut Random) {
    text.push('"');
    for char in string.chars() {
        let must = matches!(char, '\0'..=' ' | '"' | '\\') && char != ' ';
        if !must && below(chance, 4) > 0 {
            text.push(char);
        } else if let ('"' | '\\' | '/', true) = (char, below(chance, 2) == 0) {
            text.extend(['\\', char]);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let unit = format!("\\u{unit:04x}");
                text.push_str(&if below(chance, 2) == 0 {
                    unit
                } else {
                    unit[..2].to_owned() + &unit[2..].to_uppercase()
                });
            }
        }
    }
    text.push('"');
}
