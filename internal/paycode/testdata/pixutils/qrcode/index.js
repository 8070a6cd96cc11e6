// Stands in for qrcode, which pix-utils names and its parser does not use.
'use strict';
module.exports = {};
