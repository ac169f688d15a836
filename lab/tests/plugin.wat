;; A plugin that does what the length of its configuration, in bytes, tells it:
;;   1           refuses the configuration
;;   2           crashes at the next request
;;   200 to 599  answers requests with that status
;;   else        lets requests pass, and counts them in a metric that has every label
(module
  (import "env" "proxy_define_metric"
    (func $define_metric (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric"
    (func $increment_metric (param i32 i64) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))

  ;; 0: the metric's id, 16: its name, 1024: what the host allocates
  (memory (export "memory") 1)
  (data (i32.const 16) "release=.=reviews;.;version=.=v2.1;.;reason=.=rule:testers;.;class=.=5xx;.;mirror=.=copy;.;outcome=.=too_large;.;result=.=same;.;kind=.=slow;.;lab_total")
  (global $length (mut i32) (i32.const 0))

  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (i32.eqz (call $define_metric (i32.const 0) (i32.const 16) (i32.const 152) (i32.const 0))))

  (func (export "proxy_on_configure") (param $root i32) (param $length i32) (result i32)
    (global.set $length (local.get $length))
    (i32.ne (local.get $length) (i32.const 1)))

  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.eq (global.get $length) (i32.const 2)) (then unreachable))
    (if (i32.lt_u (global.get $length) (i32.const 200)) (then
      (drop (call $increment_metric (i32.load (i32.const 0)) (i64.const 1)))
      (return (i32.const 0))))
    (drop (call $answer
      (global.get $length)
      (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0)
      (i32.const -1)))
    (i32.const 1)))
