"use strict";
var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    var desc = Object.getOwnPropertyDescriptor(m, k);
    if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
      desc = { enumerable: true, get: function() { return m[k]; } };
    }
    Object.defineProperty(o, k2, desc);
}) : (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    o[k2] = m[k];
}));
var __exportStar = (this && this.__exportStar) || function(m, exports) {
    for (var p in m) if (p !== "default" && !Object.prototype.hasOwnProperty.call(exports, p)) __createBinding(exports, m, p);
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.isRecurrencePix = exports.isDynamicPix = exports.isStaticPix = exports.hasError = exports.parsePix = exports.createRecurrencePix = exports.createStaticPix = exports.createDynamicPix = void 0;
var create_1 = require("./create");
Object.defineProperty(exports, "createDynamicPix", { enumerable: true, get: function () { return create_1.createDynamicPix; } });
Object.defineProperty(exports, "createStaticPix", { enumerable: true, get: function () { return create_1.createStaticPix; } });
Object.defineProperty(exports, "createRecurrencePix", { enumerable: true, get: function () { return create_1.createRecurrencePix; } });
var parser_1 = require("./parser");
Object.defineProperty(exports, "parsePix", { enumerable: true, get: function () { return parser_1.parsePix; } });
var validate_1 = require("./validate");
Object.defineProperty(exports, "hasError", { enumerable: true, get: function () { return validate_1.hasError; } });
Object.defineProperty(exports, "isStaticPix", { enumerable: true, get: function () { return validate_1.isStaticPix; } });
Object.defineProperty(exports, "isDynamicPix", { enumerable: true, get: function () { return validate_1.isDynamicPix; } });
Object.defineProperty(exports, "isRecurrencePix", { enumerable: true, get: function () { return validate_1.isRecurrencePix; } });
__exportStar(require("./types/pixElements"), exports);
__exportStar(require("./types/pixDynamicPayload"), exports);
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoiaW5kZXguanMiLCJzb3VyY2VSb290IjoiIiwic291cmNlcyI6WyIuLi8uLi9zcmMvaW5kZXgudHMiXSwibmFtZXMiOltdLCJtYXBwaW5ncyI6Ijs7Ozs7Ozs7Ozs7Ozs7Ozs7QUFBQSxtQ0FJa0I7QUFIaEIsMEdBQUEsZ0JBQWdCLE9BQUE7QUFDaEIseUdBQUEsZUFBZSxPQUFBO0FBQ2YsNkdBQUEsbUJBQW1CLE9BQUE7QUFFckIsbUNBQW9DO0FBQTNCLGtHQUFBLFFBQVEsT0FBQTtBQUNqQix1Q0FLb0I7QUFKbEIsb0dBQUEsUUFBUSxPQUFBO0FBQ1IsdUdBQUEsV0FBVyxPQUFBO0FBQ1gsd0dBQUEsWUFBWSxPQUFBO0FBQ1osMkdBQUEsZUFBZSxPQUFBO0FBR2pCLHNEQUFvQztBQUNwQyw0REFBMEMifQ==