//! What relocations ask for (Go 1.25 to 1.27, `cmd/internal/objabi/reloctype.go`). The numbers differ between releases.

/// What a relocation asks for (`cmd/internal/objabi/reloctype.go`), without the weak bit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RelocationKind {
    /// R_ADDR: the address.
    Address,
    /// R_ADDRARM64: the address, in the page and page-offset fields of ADRP and ADD.
    AddressArm64,
    /// R_ADDROFF: the offset from the start of the symbol's section.
    AddressOffset,
    /// R_SIZE: the symbol's size.
    Size,
    /// R_CALL: a PC-relative call.
    Call,
    /// R_CALLARM64: a BL.
    CallArm64,
    /// R_CALLIND: marks an indirect call; for the stack check.
    CallIndirect,
    /// R_CONST: the addend.
    Const,
    /// R_PCREL: PC-relative.
    PcRelative,
    /// R_TLS_LE: the offset from the thread pointer, AMD64.
    TlsLe,
    /// R_TLS_IE: the same through the GOT, AMD64.
    TlsIe,
    /// R_GOTOFF: the offset from the GOT.
    GotOffset,
    /// R_USEFIELD: marks a tracked field as used.
    UseField,
    /// R_USETYPE: marks a type as used by debug information only.
    UseType,
    /// R_USEIFACE: marks a type as converted to an interface.
    UseIface,
    /// R_USEIFACEMETHOD: marks a method of an interface as called; the addend finds it in the interface type.
    UseIfaceMethod,
    /// R_USENAMEDMETHOD: marks methods of a name as called, whatever the receiver.
    UseNamedMethod,
    /// R_METHODOFF: an offset like [`RelocationKind::AddressOffset`] that does not keep the method alive; three in a row make one method.
    MethodOffset,
    /// R_KEEP: keeps the target alive.
    Keep,
    /// R_GOTPCREL: PC-relative to the GOT slot.
    GotPcRelative,
    /// R_DWARFSECREF: the offset within a DWARF section.
    DwarfSectionReference,
    /// R_ARM64_TLS_LE: the offset from the thread pointer, in MOVZ.
    Arm64TlsLe,
    /// R_ARM64_TLS_IE: the same through the GOT, in ADRP and LDR.
    Arm64TlsIe,
    /// R_ARM64_GOTPCREL: the GOT slot, in ADRP and LDR.
    Arm64GotPcRelative,
    /// R_ARM64_GOT: the GOT slot of a C symbol.
    Arm64Got,
    /// R_ARM64_PCREL: a C symbol, in ADRP and ADD.
    Arm64PcRelative,
    /// R_ARM64_PCREL_LDST8 to 64: ADRP and a load or store of so many bits.
    Arm64PcRelativeLoadStore(u8),
    /// R_ARM64_LDST8 to 128: a load or store of so many bits of a C symbol.
    Arm64LoadStore(u8),
    /// R_ADDRCUOFF: the offset from the start of the compilation unit's DWARF.
    AddressCuOffset,
    /// R_INITORDER: the target's package is initialised before this one.
    InitOrder,
    /// R_DWTXTADDR_U1 to U4: an index of `.debug_addr` as a ULEB128 of so many bytes.
    DwarfTextAddress(u8),
    /// Anything else: of other machines, or unknown.
    Other(u16),
}

impl RelocationKind {
    const fn decode(raw: u16, tail: u16) -> Self {
        use RelocationKind::*;
        match raw {
            1 => Address,
            3 => AddressArm64,
            5 => AddressOffset,
            6 => Size,
            7 => Call,
            9 => CallArm64,
            10 => CallIndirect,
            13 => Const,
            14 => PcRelative,
            15 => TlsLe,
            16 => TlsIe,
            17 => GotOffset,
            21 => UseField,
            22 => UseType,
            23 => UseIface,
            24 => UseIfaceMethod,
            25 => UseNamedMethod,
            26 => MethodOffset,
            27 => Keep,
            29 => GotPcRelative,
            31 => DwarfSectionReference,
            32 => Arm64TlsLe,
            33 => Arm64TlsIe,
            34 => Arm64GotPcRelative,
            35 => Arm64Got,
            36 => Arm64PcRelative,
            37..=40 => Arm64PcRelativeLoadStore(8 << (raw - 37)),
            41..=45 => Arm64LoadStore(8 << (raw - 41)),
            _ if raw == tail => AddressCuOffset,
            _ if raw == tail.wrapping_add(4) => InitOrder,
            _ if matches!(raw.wrapping_sub(tail), 5..=8) => DwarfTextAddress((raw - tail - 4) as u8),
            _ => Other(raw),
        }
    }

    /// Whether it is a direct call, which the stack check follows and thunks may lengthen.
    pub const fn is_direct_call(self) -> bool {
        matches!(self, RelocationKind::Call | RelocationKind::CallArm64)
    }
}

/// Raw types below this are in the tables.
const RAW: usize = 128;

/// What the raw types of a release mean. It stands in a table: relocations of all kinds follow each other, so no processor foresees
/// where a branch on their types would go.
#[derive(Clone, Copy, Debug)]
pub struct RelocationKinds {
    /// The number of R_ADDRCUOFF.
    tail: u16,
    of: [RelocationKind; RAW],
}

impl RelocationKinds {
    /// Those of a release with this number of R_ADDRCUOFF: it differs between releases, as other machines' types before it come and
    /// go. After it come the types that every machine has.
    pub const fn with_tail(tail: u16) -> Self {
        let mut of = [RelocationKind::Other(0); RAW];
        let mut raw = 0;
        while raw < RAW {
            of[raw] = RelocationKind::decode(raw as u16, tail);
            raw += 1;
        }
        RelocationKinds { tail, of }
    }

    /// What a raw type without its weak bit asks for.
    #[inline]
    pub fn of(&self, raw: u16) -> RelocationKind {
        self.of.get(usize::from(raw)).copied().unwrap_or(RelocationKind::Other(raw))
    }

    /// Whether a raw type without its weak bit may only say something about the program, or needs more than its target
    /// to be understood: R_USETYPE to R_METHODOFF, and R_INITORDER.
    #[inline]
    pub const fn is_statement(&self, raw: u16) -> bool {
        matches!(raw, 22..=26) || raw == self.tail.wrapping_add(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_after_the_machines_move_with_the_release() {
        use RelocationKind::*;
        for tail in [91, 95, 98] {
            let kinds = RelocationKinds::with_tail(tail);
            assert_eq!(
                [7, 31, 40, 41].map(|raw| kinds.of(raw)),
                [Call, DwarfSectionReference, Arm64PcRelativeLoadStore(64), Arm64LoadStore(8)]
            );
            let moved = [0, 1, 4, 5, 8, 9].map(|more| kinds.of(tail + more));
            let others = [1, 9].map(|more| Other(tail + more));
            assert_eq!(
                moved,
                [AddressCuOffset, others[0], InitOrder, DwarfTextAddress(1), DwarfTextAddress(4), others[1]]
            );
            assert_eq!([127, 128, 0x7fff].map(|raw| kinds.of(raw)), [127, 128, 0x7fff].map(Other));
            let statements = (0..0x200).filter(|raw| kinds.is_statement(*raw));
            assert_eq!(statements.collect::<Vec<_>>(), [22, 23, 24, 25, 26, tail + 4]);
        }
    }
}
