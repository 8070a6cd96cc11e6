// Stands in for fast-text-encoding, which gives old engines the TextEncoder that Node has.
'use strict';
module.exports = {};
