//! The shapes of debugging information entries: one table for compilers and linker, whatever the program (Go 1.26 and
//! 1.27, `cmd/internal/dwarf/dwarf.go`, `putvarabbrevgen.go`).
//!
//! Compilers number entries by this table, so it is part of the object format: the order of shapes and of their attributes
//! is fixed.

use super::put::{Growing, Put};

/// DWARF tags (DWARF 5, 7.5.3, table 7.3).
mod tag {
    pub const ARRAY_TYPE: u8 = 0x01;
    pub const FORMAL_PARAMETER: u8 = 0x05;
    pub const LEXICAL_BLOCK: u8 = 0x0b;
    pub const MEMBER: u8 = 0x0d;
    pub const POINTER_TYPE: u8 = 0x0f;
    pub const COMPILE_UNIT: u8 = 0x11;
    pub const STRUCTURE_TYPE: u8 = 0x13;
    pub const SUBROUTINE_TYPE: u8 = 0x15;
    pub const TYPEDEF: u8 = 0x16;
    pub const UNSPECIFIED_PARAMETERS: u8 = 0x18;
    pub const INLINED_SUBROUTINE: u8 = 0x1d;
    pub const SUBRANGE_TYPE: u8 = 0x21;
    pub const BASE_TYPE: u8 = 0x24;
    pub const CONSTANT: u8 = 0x27;
    pub const SUBPROGRAM: u8 = 0x2e;
    pub const VARIABLE: u8 = 0x34;
    pub const UNSPECIFIED_TYPE: u8 = 0x3b;
}

/// Attributes (DWARF 5, 7.5.4, table 7.5; Go's own start at 0x2900).
pub(super) mod at {
    pub const LOCATION: u16 = 0x02;
    pub const NAME: u16 = 0x03;
    pub const BYTE_SIZE: u16 = 0x0b;
    pub const STMT_LIST: u16 = 0x10;
    pub const LOW_PC: u16 = 0x11;
    pub const HIGH_PC: u16 = 0x12;
    pub const LANGUAGE: u16 = 0x13;
    pub const COMP_DIR: u16 = 0x1b;
    pub const CONST_VALUE: u16 = 0x1c;
    pub const INLINE: u16 = 0x20;
    pub const PRODUCER: u16 = 0x25;
    pub const ABSTRACT_ORIGIN: u16 = 0x31;
    pub const COUNT: u16 = 0x37;
    pub const DATA_MEMBER_LOCATION: u16 = 0x38;
    pub const DECL_FILE: u16 = 0x3a;
    pub const DECL_LINE: u16 = 0x3b;
    pub const ENCODING: u16 = 0x3e;
    pub const EXTERNAL: u16 = 0x3f;
    pub const FRAME_BASE: u16 = 0x40;
    pub const TYPE: u16 = 0x49;
    pub const VARIABLE_PARAMETER: u16 = 0x4b;
    pub const RANGES: u16 = 0x55;
    pub const TRAMPOLINE: u16 = 0x56;
    pub const CALL_FILE: u16 = 0x58;
    pub const CALL_LINE: u16 = 0x59;
    pub const ADDR_BASE: u16 = 0x73;
    pub const GO_KIND: u16 = 0x2900;
    pub const GO_KEY: u16 = 0x2901;
    pub const GO_ELEM: u16 = 0x2902;
    pub const GO_EMBEDDED_FIELD: u16 = 0x2903;
    pub const GO_RUNTIME_TYPE: u16 = 0x2904;
    pub const GO_PACKAGE_NAME: u16 = 0x2905;
    pub const GO_DICT_INDEX: u16 = 0x2906;
    pub const GO_CLOSURE_OFFSET: u16 = 0x2907;
}

/// Forms (DWARF 5, 7.5.6, table 7.6).
pub(super) mod form {
    pub const ADDR: u8 = 0x01;
    pub const DATA4: u8 = 0x06;
    pub const STRING: u8 = 0x08;
    pub const BLOCK1: u8 = 0x0a;
    pub const DATA1: u8 = 0x0b;
    pub const FLAG: u8 = 0x0c;
    pub const SDATA: u8 = 0x0d;
    pub const UDATA: u8 = 0x0f;
    pub const REF_ADDR: u8 = 0x10;
    pub const SEC_OFFSET: u8 = 0x17;
    pub const ADDRX: u8 = 0x1b;
    /// Stands for [`ADDRX`] in version 5 and [`ADDR`] in version 4; never written.
    pub const LOW_PC: u8 = 0x9a;
    /// Stands for [`UDATA`] in version 5 and [`ADDR`] in version 4; never written.
    pub const HIGH_PC: u8 = 0x9b;
}

/// The DWARF version of a program: compilers and linker follow the toolchain's experiment `dwarf5`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    /// `.debug_loc` and `.debug_ranges`.
    Four,
    /// `.debug_loclists`, `.debug_rnglists` and `.debug_addr`.
    Five,
}

/// A shape by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Shape {
    /// A unit with code.
    Unit = 1,
    /// A unit without code.
    TextlessUnit = 2,
    /// A field of a structure.
    Field = 14,
    /// A parameter of a function type.
    Parameter = 15,
    /// A result of a function type.
    Result = 16,
    /// `...` of a function type.
    Variadic = 17,
    /// The bounds of an array.
    Range = 18,
    /// No type.
    Unspecified = 19,
    /// Numbers and booleans.
    Base = 20,
    /// Arrays.
    Array = 21,
    /// Channels.
    Channel = 22,
    /// Functions.
    Function = 23,
    /// Interfaces.
    Interface = 24,
    /// Maps.
    Map = 25,
    /// Pointers.
    Pointer = 26,
    /// `unsafe.Pointer`.
    BarePointer = 27,
    /// Slices.
    Slice = 28,
    /// Strings.
    String = 29,
    /// Structures.
    Struct = 30,
    /// A name for one of the others.
    Typedef = 31,
}

impl Shape {
    /// Its attributes with their forms, in the order of writing. Version 5 adds [`at::ADDR_BASE`] to [`Shape::Unit`].
    pub fn attributes(self) -> &'static [(u16, u8)] {
        TABLE[self as usize - 1].attributes
    }

    /// Whether entries of this shape have a list of children, be it empty.
    pub fn has_children(self) -> bool {
        TABLE[self as usize - 1].children
    }
}

/// The contents of `.debug_abbrev`.
pub(super) fn section(version: Version) -> Vec<u8> {
    let mut out = Growing::default();
    for (index, entry) in TABLE.iter().enumerate() {
        out.uleb(index as u64 + 1);
        out.uleb(u64::from(entry.tag));
        out.u8(u8::from(entry.children));
        for &(attribute, form) in entry.attributes {
            out.uleb(u64::from(attribute));
            out.u8(form_in(form, version));
        }
        if version == Version::Five && index + 1 == Shape::Unit as usize {
            out.uleb(u64::from(at::ADDR_BASE));
            out.u8(form::SEC_OFFSET);
        }
        out.bytes(&[0, 0]);
    }
    out.u8(0);
    out.bytes
}

fn form_in(form: u8, version: Version) -> u8 {
    match (form, version) {
        (form::LOW_PC, Version::Five) => form::ADDRX,
        (form::HIGH_PC, Version::Five) => form::UDATA,
        (form::LOW_PC | form::HIGH_PC, Version::Four) => form::ADDR,
        (form, _) => form,
    }
}

struct Abbreviation {
    tag: u8,
    children: bool,
    attributes: &'static [(u16, u8)],
}

const fn leaf(tag: u8, attributes: &'static [(u16, u8)]) -> Abbreviation {
    Abbreviation { tag, children: false, attributes }
}

const fn tree(tag: u8, attributes: &'static [(u16, u8)]) -> Abbreviation {
    Abbreviation { tag, children: true, attributes }
}

const NAME: (u16, u8) = (at::NAME, form::STRING);
const TYPE: (u16, u8) = (at::TYPE, form::REF_ADDR);
const SIZE: (u16, u8) = (at::BYTE_SIZE, form::UDATA);
const KIND: (u16, u8) = (at::GO_KIND, form::DATA1);
const RUNTIME: (u16, u8) = (at::GO_RUNTIME_TYPE, form::ADDR);
const ELEM: (u16, u8) = (at::GO_ELEM, form::REF_ADDR);
const ORIGIN: (u16, u8) = (at::ABSTRACT_ORIGIN, form::REF_ADDR);
const LOW_PC: (u16, u8) = (at::LOW_PC, form::LOW_PC);
const HIGH_PC: (u16, u8) = (at::HIGH_PC, form::HIGH_PC);
const FRAME_BASE: (u16, u8) = (at::FRAME_BASE, form::BLOCK1);
const LINE: (u16, u8) = (at::DECL_LINE, form::UDATA);
const EXTERNAL: (u16, u8) = (at::EXTERNAL, form::FLAG);
const TRAMPOLINE: (u16, u8) = (at::TRAMPOLINE, form::FLAG);
const VARIABLE_PARAMETER: (u16, u8) = (at::VARIABLE_PARAMETER, form::FLAG);
const RANGES: (u16, u8) = (at::RANGES, form::SEC_OFFSET);
const CALL_FILE: (u16, u8) = (at::CALL_FILE, form::DATA4);
const CALL_LINE: (u16, u8) = (at::CALL_LINE, form::UDATA);
const LIST: (u16, u8) = (at::LOCATION, form::SEC_OFFSET);
const BLOCK: (u16, u8) = (at::LOCATION, form::BLOCK1);
const CLOSURE: (u16, u8) = (at::GO_CLOSURE_OFFSET, form::UDATA);
const LANGUAGE: (u16, u8) = (at::LANGUAGE, form::DATA1);
const COMP_DIR: (u16, u8) = (at::COMP_DIR, form::STRING);
const PRODUCER: (u16, u8) = (at::PRODUCER, form::STRING);
const PACKAGE_NAME: (u16, u8) = (at::GO_PACKAGE_NAME, form::STRING);
const STMT_LIST: (u16, u8) = (at::STMT_LIST, form::SEC_OFFSET);

/// The shapes from number 1 on.
#[rustfmt::skip]
static TABLE: [Abbreviation; 46] = [
    // 1, 2: units.
    tree(tag::COMPILE_UNIT, &[NAME, LANGUAGE, STMT_LIST, (at::LOW_PC, form::ADDR), RANGES, COMP_DIR, PRODUCER, PACKAGE_NAME]),
    tree(tag::COMPILE_UNIT, &[NAME, LANGUAGE, COMP_DIR, PRODUCER, PACKAGE_NAME]),
    // 3 to 7: functions, wrappers; abstract, concrete.
    tree(tag::SUBPROGRAM, &[NAME, LOW_PC, HIGH_PC, FRAME_BASE, (at::DECL_FILE, form::DATA4), LINE, EXTERNAL]),
    tree(tag::SUBPROGRAM, &[NAME, LOW_PC, HIGH_PC, FRAME_BASE, TRAMPOLINE]),
    tree(tag::SUBPROGRAM, &[NAME, (at::INLINE, form::DATA1), LINE, EXTERNAL]),
    tree(tag::SUBPROGRAM, &[ORIGIN, LOW_PC, HIGH_PC, FRAME_BASE]),
    tree(tag::SUBPROGRAM, &[ORIGIN, LOW_PC, HIGH_PC, FRAME_BASE, TRAMPOLINE]),
    // 8, 9: inlined calls.
    tree(tag::INLINED_SUBROUTINE, &[ORIGIN, LOW_PC, HIGH_PC, CALL_FILE, CALL_LINE]),
    tree(tag::INLINED_SUBROUTINE, &[ORIGIN, RANGES, CALL_FILE, CALL_LINE]),
    // 10 to 13: globals, constants, blocks.
    leaf(tag::VARIABLE, &[NAME, BLOCK, TYPE, EXTERNAL]),
    leaf(tag::CONSTANT, &[NAME, TYPE, (at::CONST_VALUE, form::SDATA)]),
    tree(tag::LEXICAL_BLOCK, &[RANGES]),
    tree(tag::LEXICAL_BLOCK, &[(at::LOW_PC, form::ADDR), (at::HIGH_PC, form::ADDR)]),
    // 14 to 18: parts of types.
    leaf(tag::MEMBER, &[NAME, (at::DATA_MEMBER_LOCATION, form::UDATA), TYPE, (at::GO_EMBEDDED_FIELD, form::FLAG)]),
    leaf(tag::FORMAL_PARAMETER, &[TYPE]),
    leaf(tag::FORMAL_PARAMETER, &[VARIABLE_PARAMETER, TYPE]),
    leaf(tag::UNSPECIFIED_PARAMETERS, &[]),
    leaf(tag::SUBRANGE_TYPE, &[TYPE, (at::COUNT, form::UDATA)]),
    // 19 to 32: types.
    leaf(tag::UNSPECIFIED_TYPE, &[NAME]),
    leaf(tag::BASE_TYPE, &[NAME, (at::ENCODING, form::DATA1), (at::BYTE_SIZE, form::DATA1), KIND, RUNTIME]),
    tree(tag::ARRAY_TYPE, &[NAME, TYPE, SIZE, KIND, RUNTIME]),
    leaf(tag::TYPEDEF, &[NAME, TYPE, KIND, RUNTIME, ELEM]),
    tree(tag::SUBROUTINE_TYPE, &[NAME, SIZE, KIND, RUNTIME]),
    tree(tag::TYPEDEF, &[NAME, TYPE, KIND, RUNTIME]),
    leaf(tag::TYPEDEF, &[NAME, TYPE, KIND, RUNTIME, (at::GO_KEY, form::REF_ADDR), ELEM]),
    leaf(tag::POINTER_TYPE, &[NAME, TYPE, KIND, RUNTIME]),
    leaf(tag::POINTER_TYPE, &[NAME, RUNTIME]),
    tree(tag::STRUCTURE_TYPE, &[NAME, SIZE, KIND, RUNTIME, ELEM]),
    tree(tag::STRUCTURE_TYPE, &[NAME, SIZE, KIND, RUNTIME]),
    tree(tag::STRUCTURE_TYPE, &[NAME, SIZE, KIND, RUNTIME]),
    leaf(tag::TYPEDEF, &[NAME, TYPE]),
    leaf(tag::TYPEDEF, &[NAME, TYPE, (at::GO_DICT_INDEX, form::UDATA)]),
    // 33 to 40: local variables, abstract and concrete, captured or not, with a list of locations or one.
    leaf(tag::VARIABLE, &[NAME, LINE, TYPE]),
    leaf(tag::FORMAL_PARAMETER, &[NAME, VARIABLE_PARAMETER, TYPE]),
    leaf(tag::VARIABLE, &[ORIGIN, LIST]),
    leaf(tag::VARIABLE, &[ORIGIN, BLOCK]),
    leaf(tag::VARIABLE, &[NAME, LINE, TYPE, CLOSURE, LIST]),
    leaf(tag::VARIABLE, &[NAME, LINE, TYPE, CLOSURE, BLOCK]),
    leaf(tag::VARIABLE, &[NAME, LINE, TYPE, LIST]),
    leaf(tag::VARIABLE, &[NAME, LINE, TYPE, BLOCK]),
    // 41 to 46: parameters.
    leaf(tag::FORMAL_PARAMETER, &[ORIGIN, LIST]),
    leaf(tag::FORMAL_PARAMETER, &[ORIGIN, BLOCK]),
    leaf(tag::FORMAL_PARAMETER, &[NAME, VARIABLE_PARAMETER, LINE, TYPE, CLOSURE, LIST]),
    leaf(tag::FORMAL_PARAMETER, &[NAME, VARIABLE_PARAMETER, LINE, TYPE, CLOSURE, BLOCK]),
    leaf(tag::FORMAL_PARAMETER, &[NAME, VARIABLE_PARAMETER, LINE, TYPE, LIST]),
    leaf(tag::FORMAL_PARAMETER, &[NAME, VARIABLE_PARAMETER, LINE, TYPE, BLOCK]),
];
