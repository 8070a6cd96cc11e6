"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.PixElementType = void 0;
var PixElementType;
(function (PixElementType) {
    PixElementType["DYNAMIC"] = "DYNAMIC";
    PixElementType["STATIC"] = "STATIC";
    PixElementType["RECURRENCE"] = "RECURRENCE";
    PixElementType["INVALID"] = "INVALID";
})(PixElementType || (exports.PixElementType = PixElementType = {}));
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoicGl4RWxlbWVudHMuanMiLCJzb3VyY2VSb290IjoiIiwic291cmNlcyI6WyIuLi8uLi8uLi9zcmMvdHlwZXMvcGl4RWxlbWVudHMudHMiXSwibmFtZXMiOltdLCJtYXBwaW5ncyI6Ijs7O0FBZUEsSUFBWSxjQUtYO0FBTEQsV0FBWSxjQUFjO0lBQ3hCLHFDQUFtQixDQUFBO0lBQ25CLG1DQUFpQixDQUFBO0lBQ2pCLDJDQUF5QixDQUFBO0lBQ3pCLHFDQUFtQixDQUFBO0FBQ3JCLENBQUMsRUFMVyxjQUFjLDhCQUFkLGNBQWMsUUFLekIifQ==