// Keys and values lie in pages of so many positions; ops.Page on the host.
const PAGE: u32 = 32u;
