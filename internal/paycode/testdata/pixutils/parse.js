// Reads a list of codes from standard input and prints what the published package reads in each. NODE_PATH is this folder.
'use strict';
const {parsePix, hasError} = require('pix-utils');

const codes = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(codes.map((code) => {
	const pix = parsePix(code);
	return hasError(pix) ? {error: pix.message} : {...pix, again: pix.toBRCode()};
})));
