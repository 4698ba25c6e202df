//! The animals' C API of `api.h`, written in Rust: the Go side cannot tell the difference.
//!
//! It uses what a real library uses of the standard library: panics that are caught before they reach the
//! caller, a thread-local counter, formatted output and the heap.

use std::cell::Cell;
use std::ffi::c_char;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// `String` of the header: bytes that are not terminated.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CString {
    data: *mut c_char,
    len: u64,
}

/// `AnimalKind` of the header. Foreign code may hand in other values, so it is no Rust enum.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnimalKind(u32);

const DOG: AnimalKind = AnimalKind(0);
const CAT: AnimalKind = AnimalKind(1);

/// The anonymous union inside `Animal`; `kind` says which field is there.
#[repr(C)]
union Body {
    cat_name: CString,
    dog_tail: u16,
}

/// `Animal` of the header.
#[repr(C)]
pub struct Animal {
    kind: AnimalKind,
    body: Body,
}

thread_local! {
    /// How many animals this thread has printed.
    static PRINTED: Cell<u32> = const { Cell::new(0) };
}

/// Makes a dog whose tail is 42 long.
#[unsafe(no_mangle)]
pub extern "C" fn animal_make_dog() -> Animal {
    Animal { kind: DOG, body: Body { dog_tail: 42 } }
}

/// Makes a cat called kitty; the name is on the heap and belongs to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn animal_make_cat() -> Animal {
    let name = ManuallyDrop::new(b"kitty".to_vec());
    Animal {
        kind: CAT,
        body: Body { cat_name: CString { data: name.as_ptr() as *mut c_char, len: name.len() as u64 } },
    }
}

/// Prints one animal as a line.
///
/// # Safety
/// `animal` points to an animal of `animal_make_dog` or `animal_make_cat`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn animal_print(animal: *const Animal) {
    let printed = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise.
        let line = unsafe { describe(&*animal) };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").expect("standard output is open");
        PRINTED.with(|n| n.set(n.get() + 1));
    }));
    if printed.is_err() {
        eprintln!("animal_print: not an animal, after {} good ones", PRINTED.with(Cell::get));
    }
}

/// # Safety
/// The union holds the field that `kind` names.
unsafe fn describe(animal: &Animal) -> String {
    match animal.kind {
        // SAFETY: the kind says that it is this field.
        DOG => format!("Dog: {}", unsafe { animal.body.dog_tail }),
        CAT => {
            // SAFETY: the kind says that it is this field, and its maker gave it `len` bytes.
            let name = unsafe {
                let name = animal.body.cat_name;
                std::slice::from_raw_parts(name.data as *const u8, name.len as usize)
            };
            format!("Cat: {}", String::from_utf8_lossy(name))
        }
        other => panic!("{other:?} is no kind of animal"),
    }
}

/// The length of a dog's tail.
///
/// # Safety
/// `animal` points to a dog.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn animal_dog_get_tail(animal: *const Animal) -> u16 {
    // SAFETY: the caller's promise.
    unsafe {
        assert_eq!((*animal).kind, DOG);
        (*animal).body.dog_tail
    }
}

/// A cat's name, still owned by the cat.
///
/// # Safety
/// `animal` points to a cat.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn animal_cat_get_name(animal: *const Animal) -> CString {
    // SAFETY: the caller's promise.
    unsafe {
        assert_eq!((*animal).kind, CAT);
        (*animal).body.cat_name
    }
}
