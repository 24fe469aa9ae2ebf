import { lazy } from "react";
import { Route } from "wouter";

const AccountPage = lazy(() => import("../../pages/account"));
const AccountsPage = lazy(() => import("../../pages/accounts"));
const BillingPage = lazy(() => import("../../pages/billing"));
const BillingCorrectionsPage = lazy(() => import("../../pages/billing-corrections"));
const BillingInvoicePage = lazy(() => import("../../pages/billing-invoice"));
const BillingInvoicesPage = lazy(() => import("../../pages/billing-invoices"));
const BillingPaymentsPage = lazy(() => import("../../pages/billing-payments"));
const TariffAssignPage = lazy(() => import("../../pages/tariff-assign"));
const TariffEditPage = lazy(() => import("../../pages/tariff-edit"));
const UtilityBillPage = lazy(() => import("../../pages/utility-bill"));
const UtilityPage = lazy(() => import("../../pages/utility"));

/** The admin's screens about money, in a Switch: nothing of them is loaded before it is asked for. */
export const officeRoutes = (
  <>
    <Route path="/accounts" component={AccountsPage} />
    <Route path="/accounts/:id">{({ id }) => <AccountPage key={id} id={id} />}</Route>
    <Route path="/billing" component={BillingPage} />
    <Route path="/billing/corrections" component={BillingCorrectionsPage} />
    <Route path="/billing/invoices" component={BillingInvoicesPage} />
    <Route path="/billing/invoices/:device/:number">
      {({ device, number }) => <BillingInvoicePage key={number} device={device} number={number} />}
    </Route>
    <Route path="/billing/payments" component={BillingPaymentsPage} />
    <Route path="/tariffs/assign" component={TariffAssignPage} />
    <Route path="/tariffs/edit" component={TariffEditPage} />
    <Route path="/utility" component={UtilityPage} />
    <Route path="/utility/:id">{({ id }) => <UtilityBillPage key={id} id={id} />}</Route>
  </>
);
