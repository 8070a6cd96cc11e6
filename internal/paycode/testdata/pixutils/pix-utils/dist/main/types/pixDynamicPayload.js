"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.ModalidadeAgenteTroco = exports.ModalidadeAgente = exports.StatusRec = exports.PoliticaRetentativa = exports.Periodicidade = exports.PixDynamicStatus = void 0;
var PixDynamicStatus;
(function (PixDynamicStatus) {
    PixDynamicStatus["ATIVA"] = "ATIVA";
    PixDynamicStatus["CONCLUIDA"] = "CONCLUIDA";
    PixDynamicStatus["REMOVIDA_PELO_USUARIO_RECEBEDOR"] = "REMOVIDA_PELO_USUARIO_RECEBEDOR";
    PixDynamicStatus["REMOVIDA_PELO_PSP"] = "REMOVIDA_PELO_PSP";
})(PixDynamicStatus || (exports.PixDynamicStatus = PixDynamicStatus = {}));
var Periodicidade;
(function (Periodicidade) {
    Periodicidade["SEMANAL"] = "SEMANAL";
    Periodicidade["MENSAL"] = "MENSAL";
    Periodicidade["TRIMESTRAL"] = "TRIMESTRAL";
    Periodicidade["SEMESTRAL"] = "SEMESTRAL";
    Periodicidade["ANUAL"] = "ANUAL";
})(Periodicidade || (exports.Periodicidade = Periodicidade = {}));
var PoliticaRetentativa;
(function (PoliticaRetentativa) {
    PoliticaRetentativa["NAO_PERMITE"] = "NAO_PERMITE";
    PoliticaRetentativa["PERMITE_3R_7D"] = "PERMITE_3R_7D";
})(PoliticaRetentativa || (exports.PoliticaRetentativa = PoliticaRetentativa = {}));
var StatusRec;
(function (StatusRec) {
    StatusRec["CRIADA"] = "CRIADA";
    StatusRec["APROVADA"] = "APROVADA";
    StatusRec["REJEITADA"] = "REJEITADA";
    StatusRec["EXPIRADA"] = "EXPIRADA";
    StatusRec["CANCELADA"] = "CANCELADA";
})(StatusRec || (exports.StatusRec = StatusRec = {}));
var ModalidadeAgente;
(function (ModalidadeAgente) {
    ModalidadeAgente["AGTEC"] = "AGTEC";
    ModalidadeAgente["AGTOT"] = "AGTOT";
    ModalidadeAgente["AGPSS"] = "AGPSS";
})(ModalidadeAgente || (exports.ModalidadeAgente = ModalidadeAgente = {}));
var ModalidadeAgenteTroco;
(function (ModalidadeAgenteTroco) {
    ModalidadeAgenteTroco["AGTEC"] = "AGTEC";
    ModalidadeAgenteTroco["AGTOT"] = "AGTOT";
})(ModalidadeAgenteTroco || (exports.ModalidadeAgenteTroco = ModalidadeAgenteTroco = {}));
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoicGl4RHluYW1pY1BheWxvYWQuanMiLCJzb3VyY2VSb290IjoiIiwic291cmNlcyI6WyIuLi8uLi8uLi9zcmMvdHlwZXMvcGl4RHluYW1pY1BheWxvYWQudHMiXSwibmFtZXMiOltdLCJtYXBwaW5ncyI6Ijs7O0FBQUEsSUFBWSxnQkFLWDtBQUxELFdBQVksZ0JBQWdCO0lBQzFCLG1DQUFlLENBQUE7SUFDZiwyQ0FBdUIsQ0FBQTtJQUN2Qix1RkFBbUUsQ0FBQTtJQUNuRSwyREFBdUMsQ0FBQTtBQUN6QyxDQUFDLEVBTFcsZ0JBQWdCLGdDQUFoQixnQkFBZ0IsUUFLM0I7QUFFRCxJQUFZLGFBTVg7QUFORCxXQUFZLGFBQWE7SUFDdkIsb0NBQW1CLENBQUE7SUFDbkIsa0NBQWlCLENBQUE7SUFDakIsMENBQXlCLENBQUE7SUFDekIsd0NBQXVCLENBQUE7SUFDdkIsZ0NBQWUsQ0FBQTtBQUNqQixDQUFDLEVBTlcsYUFBYSw2QkFBYixhQUFhLFFBTXhCO0FBRUQsSUFBWSxtQkFHWDtBQUhELFdBQVksbUJBQW1CO0lBQzdCLGtEQUEyQixDQUFBO0lBQzNCLHNEQUErQixDQUFBO0FBQ2pDLENBQUMsRUFIVyxtQkFBbUIsbUNBQW5CLG1CQUFtQixRQUc5QjtBQUVELElBQVksU0FNWDtBQU5ELFdBQVksU0FBUztJQUNuQiw4QkFBaUIsQ0FBQTtJQUNqQixrQ0FBcUIsQ0FBQTtJQUNyQixvQ0FBdUIsQ0FBQTtJQUN2QixrQ0FBcUIsQ0FBQTtJQUNyQixvQ0FBdUIsQ0FBQTtBQUN6QixDQUFDLEVBTlcsU0FBUyx5QkFBVCxTQUFTLFFBTXBCO0FBRUQsSUFBWSxnQkFJWDtBQUpELFdBQVksZ0JBQWdCO0lBQzFCLG1DQUFlLENBQUE7SUFDZixtQ0FBZSxDQUFBO0lBQ2YsbUNBQWUsQ0FBQTtBQUNqQixDQUFDLEVBSlcsZ0JBQWdCLGdDQUFoQixnQkFBZ0IsUUFJM0I7QUFFRCxJQUFZLHFCQUdYO0FBSEQsV0FBWSxxQkFBcUI7SUFDL0Isd0NBQWUsQ0FBQTtJQUNmLHdDQUFlLENBQUE7QUFDakIsQ0FBQyxFQUhXLHFCQUFxQixxQ0FBckIscUJBQXFCLFFBR2hDIn0=