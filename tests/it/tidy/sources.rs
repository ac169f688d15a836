//! The Rust sources of the repository, parsed.

use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

use crate::documents::{files, read, root};

/// A file and its syntax tree.
pub struct RustFile {
    /// Below the repository's root.
    pub path: PathBuf,
    pub syntax: syn::File,
}

/// All Rust files below the folders that have sources.
pub fn rust_files() -> Vec<RustFile> {
    let folders = std::fs::read_dir(root()).unwrap();
    let folders = folders.map(|entry| entry.unwrap()).filter(|entry| {
        let name = entry.file_name();
        let name = name.to_str().unwrap();
        entry.path().is_dir() && !name.starts_with('.') && name != "target"
    });
    let mut found: Vec<RustFile> = folders
        .flat_map(|folder| files(folder.file_name().to_str().unwrap(), &["rs"]))
        .map(|path| RustFile {
            syntax: parse(&path),
            path: path.strip_prefix(root()).unwrap().to_owned(),
        })
        .collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn parse(path: &Path) -> syn::File {
    syn::parse_file(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether an attribute of the file, at any place, lowers the lint `unsafe_code`.
pub fn allows_unsafe(file: &syn::File) -> bool {
    struct Lint(bool);
    impl<'s> Visit<'s> for Lint {
        fn visit_attribute(&mut self, attribute: &'s Attribute) {
            let lowers = ["allow", "expect", "warn"]
                .iter()
                .any(|level| attribute.path().is_ident(level));
            self.0 |= lowers && has_ident(&attribute.meta, "unsafe_code");
        }
    }
    let mut lint = Lint(false);
    lint.visit_file(file);
    lint.0
}

fn has_ident(meta: &syn::Meta, name: &str) -> bool {
    let syn::Meta::List(list) = meta else {
        return false;
    };
    let mut paths = Vec::new();
    scan(list.tokens.clone(), &mut paths);
    paths.iter().flatten().any(|ident| ident == name)
}

/// A module of the library, without what is compiled for tests only.
pub struct Module {
    /// Below the repository's root.
    pub file: PathBuf,
    /// The names of its parents and its own name; none for the library itself.
    path: Vec<String>,
    /// All paths in it: of `use`, of types, of expressions and in the arguments of macros. Those that
    /// begin with `crate`, `self` or `super` are resolved, and begin with `crate`.
    pub paths: Vec<Vec<String>>,
    /// Whether it calls a method `elapsed`, which asks the clock.
    pub calls_elapsed: bool,
    pub has_foreign_functions: bool,
    pub has_statics: bool,
}

impl Module {
    /// The room that it is in: its top module.
    pub fn room(&self) -> Option<&str> {
        self.path.first().map(String::as_str)
    }

    /// The top modules that it refers to.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().filter_map(|path| match path.as_slice() {
            [first, room, ..] if first == "crate" => Some(room.as_str()),
            _ => None,
        })
    }

    /// Whether a path in it begins with `name`, written in full or through a `use`.
    pub fn refers_to(&self, name: &str) -> bool {
        let name: Vec<&str> = name.split("::").collect();
        let begins = |path: &[String]| {
            path.len() >= name.len() && path.iter().zip(&name).all(|(a, b)| a == b)
        };
        self.paths.iter().any(|path| {
            let full = path.first().and_then(|first| {
                let import = self
                    .paths
                    .iter()
                    .find(|import| import.len() > 1 && import.last() == Some(first))?;
                Some([import, &path[1..]].concat())
            });
            begins(path) || full.is_some_and(|full| begins(&full))
        })
    }

    fn new(file: &Path, path: &[String]) -> Self {
        Self {
            file: file.strip_prefix(root()).unwrap().to_owned(),
            path: path.to_vec(),
            paths: Vec::new(),
            calls_elapsed: false,
            has_foreign_functions: false,
            has_statics: false,
        }
    }

    fn add(&mut self, path: Vec<String>) {
        let mut rest = path.as_slice();
        let mut base = None;
        while let [first, more @ ..] = rest {
            base = match (first.as_str(), base.take()) {
                ("self", None) => Some(self.path.clone()),
                ("super", base) => {
                    let mut base = base.unwrap_or_else(|| self.path.clone());
                    base.pop();
                    Some(base)
                }
                (_, None) => break,
                (_, some) => {
                    base = some;
                    break;
                }
            };
            rest = more;
        }
        self.paths.push(match base {
            None => path,
            Some(base) => [&["crate".to_owned()], base.as_slice(), rest].concat(),
        });
    }
}

/// All modules of the library.
pub fn modules() -> Vec<Module> {
    let mut modules = Vec::new();
    let folder = root().join("src");
    let file = folder.join("lib.rs");
    let items = parse(&file).items;
    add_module(&file, &folder, &[], &items, &mut modules);
    modules
}

/// Adds the module with these items, and those in it. The files of modules in it are in `folder`.
fn add_module(file: &Path, folder: &Path, path: &[String], items: &[Item], all: &mut Vec<Module>) {
    let mut module = Module::new(file, path);
    for item in items {
        Paths(&mut module).visit_item(item);
    }
    all.push(module);
    for item in items {
        let Item::Mod(item) = item else { continue };
        if is_test_only(&item.attrs) {
            continue;
        }
        let name = item.ident.to_string();
        let folder = folder.join(&name);
        let path = [path, &[name]].concat();
        match &item.content {
            Some((_, items)) => add_module(file, &folder, &path, items, all),
            None => {
                let file = folder.with_extension("rs");
                let items = parse(&file).items;
                add_module(&file, &folder, &path, &items, all);
            }
        }
    }
}

fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("cfg") && has_ident(&attribute.meta, "test"))
}

/// Collects what the items of one module refer to, but not what modules in it do.
struct Paths<'m>(&'m mut Module);

impl<'s> Visit<'s> for Paths<'_> {
    fn visit_item(&mut self, item: &'s Item) {
        let attributes = match item {
            Item::Mod(_) => return,
            Item::Const(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Macro(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_test_only(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'s syn::ItemUse) {
        let mut paths = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut paths);
        paths.into_iter().for_each(|path| self.0.add(path));
    }

    fn visit_item_foreign_mod(&mut self, _: &'s syn::ItemForeignMod) {
        self.0.has_foreign_functions = true;
    }

    fn visit_item_static(&mut self, item: &'s syn::ItemStatic) {
        self.0.has_statics = true;
        visit::visit_item_static(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'s syn::ExprMethodCall) {
        self.0.calls_elapsed |= call.method == "elapsed";
        visit::visit_expr_method_call(self, call);
    }

    fn visit_path(&mut self, path: &'s syn::Path) {
        let names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.0.add(names.collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'s syn::Macro) {
        let mut paths = Vec::new();
        scan(item.tokens.clone(), &mut paths);
        paths.into_iter().for_each(|path| self.0.add(path));
        visit::visit_macro(self, item);
    }
}

/// The paths of a `use`. A glob ends with the module, a rename with the name that is imported.
fn flatten(tree: &UseTree, before: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, paths);
            before.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before, paths);
            }
        }
        UseTree::Name(name) => paths.push([before.as_slice(), &[name.ident.to_string()]].concat()),
        UseTree::Rename(name) => {
            paths.push([before.as_slice(), &[name.ident.to_string()]].concat())
        }
        UseTree::Glob(_) => paths.push(before.clone()),
    }
}

/// The paths in the tokens of a macro: names with `::` between them.
fn scan(tokens: TokenStream, paths: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    paths.push(std::mem::take(&mut path));
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            TokenTree::Group(group) => {
                paths.push(std::mem::take(&mut path));
                scan(group.stream(), paths);
            }
            _ => paths.push(std::mem::take(&mut path)),
        }
    }
    paths.push(path);
    paths.retain(|path| !path.is_empty());
}
