"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.default = zeroPad;
function zeroPad(value, size) {
    return `${value}`.padStart(size, '0');
}
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoiemVyb1BhZC5qcyIsInNvdXJjZVJvb3QiOiIiLCJzb3VyY2VzIjpbIi4uLy4uLy4uL3NyYy91dGlscy96ZXJvUGFkLnRzIl0sIm5hbWVzIjpbXSwibWFwcGluZ3MiOiI7O0FBQUEsMEJBRUM7QUFGRCxTQUF3QixPQUFPLENBQUMsS0FBYSxFQUFFLElBQVk7SUFDekQsT0FBTyxHQUFHLEtBQUssRUFBRSxDQUFDLFFBQVEsQ0FBQyxJQUFJLEVBQUUsR0FBRyxDQUFDLENBQUM7QUFDeEMsQ0FBQyJ9