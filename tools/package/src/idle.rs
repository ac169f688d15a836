//! What the compiler must keep, because somebody could call it, and nobody does.

use anyhow::{Result, bail};
use walrus::{ElementItems, FunctionBuilder, FunctionId, FunctionKind, Module};

/// The SDK's traits offer the filter methods that ask the host, and these stand in the tables of the
/// traits' objects. Only the SDK calls by those tables, and only methods that the host's callbacks
/// come to. So every other entry becomes a trap; who calls such a method directly keeps it.
pub fn drop_methods(module: &mut Module) -> Result<()> {
    let methods: Vec<FunctionId> = functions(module, |name| {
        name.strip_prefix("proxy_wasm::traits::")
            .and_then(|method| method.split("::").nth(1))
            .is_some_and(|method| !is_called_back(method))
    });
    if methods.is_empty() {
        bail!("it names no method of the SDK's traits: is it stripped?");
    }
    let mut trap = FunctionBuilder::new(&mut module.types, &[], &[]);
    trap.func_body().unreachable();
    let trap = trap.finish(Vec::new(), &mut module.funcs);
    for element in module.elements.iter_mut() {
        if let ElementItems::Functions(functions) = &mut element.items {
            for function in functions {
                if methods.contains(function) {
                    *function = trap;
                }
            }
        }
    }
    Ok(())
}

fn is_called_back(method: &str) -> bool {
    method.starts_with("on_") || method.starts_with("create_") || method == "get_type"
}

/// The standard library's own way to tell of a panic. The SDK sets another, which writes to the
/// host's log, before anything of the filter runs.
pub fn drop_default_hook(module: &mut Module) -> Result<()> {
    let [hook] = functions(module, |name| name == "std::panicking::default_hook")[..] else {
        bail!("it has no panic hook, or several");
    };
    let (parameters, results) = module.types.params_results(module.funcs.get(hook).ty());
    let (parameters, results) = (parameters.to_vec(), results.to_vec());
    let arguments = parameters.iter().map(|kind| module.locals.add(*kind));
    let arguments = arguments.collect();
    let mut trap = FunctionBuilder::new(&mut module.types, &parameters, &results);
    trap.func_body().unreachable();
    module.funcs.get_mut(hook).kind = FunctionKind::Local(trap.local_func(arguments));
    Ok(())
}

/// The functions whose names, without what the compiler appends to tell them apart, are chosen.
fn functions(module: &Module, is_chosen: impl Fn(&str) -> bool) -> Vec<FunctionId> {
    let functions = module.funcs.iter().filter(|function| {
        let name = function.name.as_deref().unwrap_or_default();
        is_chosen(&format!("{:#}", rustc_demangle::demangle(name)))
    });
    functions.map(|function| function.id()).collect()
}
